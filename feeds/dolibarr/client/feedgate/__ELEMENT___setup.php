<?php
// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * The part of a module's setup page where the key is typed: included after llxHeader(), with the module in $feedgateModule.
 *
 * @var Conf			$conf
 * @var DoliDB			$db
 * @var User			$user
 * @var DolibarrModules	$feedgateModule
 */

if (empty($conf) || !is_object($conf) || empty($user->admin)) {
	exit(1);
}

require_once DOL_DOCUMENT_ROOT.'/core/lib/admin.lib.php';

$feedgateName = $feedgateModule->feedgateConstant();
$feedgateAction = GETPOST('feedgate_action', 'aZ09');

// Dolibarr itself refuses a POST without a valid token before any page runs.
if ($_SERVER['REQUEST_METHOD'] === 'POST' && $feedgateAction !== '') {
	$feedgateTyped = trim(GETPOST('feedgate_key', 'alphanohtml'));
	if ($feedgateAction === 'save' && GETPOST('feedgate_remove', 'int')) {
		dolibarr_del_const($db, $feedgateName, $conf->entity);
		unset($conf->global->$feedgateName);
	} elseif ($feedgateAction === 'save' && $feedgateTyped !== '') {
		dolibarr_set_const($db, $feedgateName, $feedgateTyped, 'chaine', 0, '', $conf->entity);
		$conf->global->$feedgateName = $feedgateTyped;
	}
	$feedgateModule->feedgateAsk();
}

$feedgateState = $feedgateModule->feedgateState();
$feedgateKey = $feedgateModule->feedgateKey();
$feedgateText = array(get_class($feedgateModule), 'feedgateText');
$feedgateLine = function ($name, $html) use ($feedgateText) {
	print '<tr class="oddeven"><td class="titlefield">'.dol_escape_htmltag(call_user_func($feedgateText, $name)).'</td><td>'.$html.'</td></tr>';
};
$feedgateLink = function ($url, $name) use ($feedgateText) {
	return '<a href="'.dol_escape_htmltag($url).'" target="_blank" rel="noopener">'.dol_escape_htmltag(call_user_func($feedgateText, $name)).'</a>';
};

print '<form method="POST" action="'.dol_escape_htmltag($_SERVER['PHP_SELF']).'">';
print '<input type="hidden" name="token" value="'.newToken().'">';
print load_fiche_titre(call_user_func($feedgateText, 'title'), '', '');
print '<table class="noborder centpercent">';

$feedgateHint = $feedgateKey === '' ? '' : "\u{2026}".(strlen($feedgateKey) > 8 ? substr($feedgateKey, -4) : '');
$feedgateField = '<input type="text" class="minwidth300" name="feedgate_key" value="" autocomplete="off" placeholder="'.dol_escape_htmltag($feedgateHint).'">';
if ($feedgateKey !== '') {
	$feedgateField .= ' <label><input type="checkbox" name="feedgate_remove" value="1"> '.dol_escape_htmltag(call_user_func($feedgateText, 'remove')).'</label>';
}
$feedgateLine('key', $feedgateField);

if (!$feedgateState['at'] && !$feedgateState['contact']) {
	$feedgateLine('state', dol_escape_htmltag(call_user_func($feedgateText, 'unknown')));
} else {
	$feedgateNewer = $feedgateState['version'] !== '' && version_compare($feedgateState['version'], $feedgateModule->version) > 0;
	$feedgateWord = $feedgateState['contact'] && $feedgateState['valid'] ? call_user_func($feedgateText, 'valid') : $feedgateModule->feedgateReason($feedgateState);
	$feedgateLine('state', dol_escape_htmltag($feedgateWord));

	if ($feedgateState['used'] !== null) {
		$feedgateMost = $feedgateState['max'] === null ? call_user_func($feedgateText, 'unlimited') : $feedgateState['max'];
		$feedgateLine('sites', dol_escape_htmltag($feedgateState['used'].' / '.$feedgateMost));
	}
	if ($feedgateState['until'] !== '') {
		$feedgateLine('until', dol_escape_htmltag(substr($feedgateState['until'], 0, 10)));
	}
	if ($feedgateState['renew'] !== '') {
		$feedgateLine('renew', $feedgateLink($feedgateState['renew'], 'renew'));
	}
	if ($feedgateNewer) {
		$feedgateHtml = '<b>'.dol_escape_htmltag($feedgateState['version']).'</b>';
		if ($feedgateState['download'] !== '') {
			$feedgateHtml .= ' '.$feedgateLink($feedgateModule->feedgateDownload($feedgateState['download']), 'download');
		}
		if ($feedgateState['info'] !== '') {
			$feedgateHtml .= ' '.$feedgateLink($feedgateState['info'], 'info');
		}
		$feedgateLine('newer', $feedgateHtml);
	} elseif ($feedgateState['contact'] && $feedgateState['version'] !== '') {
		// Said only where the server has just named its newest version.
		$feedgateLine('newer', dol_escape_htmltag(call_user_func($feedgateText, 'current')));
	}
}

$feedgateLine('contact', $feedgateState['at'] ? dol_print_date($feedgateState['at'], 'dayhour') : dol_escape_htmltag(call_user_func($feedgateText, 'never')));

print '</table><div class="center">';
print '<button type="submit" class="button" name="feedgate_action" value="save">'.dol_escape_htmltag(call_user_func($feedgateText, 'save')).'</button> ';
print '<button type="submit" class="button" name="feedgate_action" value="check">'.dol_escape_htmltag(call_user_func($feedgateText, 'check')).'</button>';
print '</div></form>';
