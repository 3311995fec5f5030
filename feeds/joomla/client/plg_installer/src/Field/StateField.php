<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer\Field;

defined('_JEXEC') or die;

use Joomla\CMS\Factory;
use Joomla\CMS\Form\FormField;
use Joomla\CMS\HTML\HTMLHelper;
use Joomla\CMS\Language\Text;
use __NS__\Installer\Kit;
use __NS__\Installer\License;
use __NS__\Installer\Server;

/** A table in the plugin's settings: each product of this server on this site, with key, state, slots and last contact. */
class StateField extends FormField
{
    protected $type = 'State';

    protected function getInput()
    {
        try {
            $sites = Kit::updateSites();
            $sites->sync();
            $rows = $sites->rows();
        } catch (\Throwable $e) {
            return '<p>' . $this->html(get_class($e)) . '</p>';
        }

        $intro = '<p>' . Text::sprintf('__CONST___SERVER', '<code>' . $this->html(Server::URL) . '</code>') . '</p>';

        if (!$rows) {
            return $intro . '<p>' . Text::_('__CONST___NO_PRODUCTS') . '</p>';
        }

        $license = Kit::license();
        $names   = $this->names();
        $lines   = '';

        foreach ($rows as $row) {
            $lines .= '<tr>' . implode('', array_map(function ($cell) {
                return '<td>' . $cell . '</td>';
            }, $this->cells($row, $names, $license))) . '</tr>';
        }

        $head = '';

        foreach (['PRODUCT', 'KEY', 'STATE', 'SITES', 'CONTACT'] as $column) {
            $head .= '<th scope="col">' . Text::_('__CONST___' . $column) . '</th>';
        }

        return $intro . '<table class="table"><thead><tr>' . $head . '</tr></thead><tbody>' . $lines . '</tbody></table>';
    }

    private function cells(array $row, array $names, License $license): array
    {
        $product = Server::product($row['location']);
        $key     = Server::keyOf($row['extra_query']);
        $name    = implode(', ', array_intersect_key($names, array_flip($row['extensions']))) ?: $product;
        $title   = $this->html($name) . '<br><small>' . $this->html($product) . '</small>';

        if ($key === '' || $product === '') {
            return [$title, Text::_($key === '' ? '__CONST___KEY_MISSING' : '__CONST___KEY_SET'), "\u{2013}", "\u{2013}", "\u{2013}"];
        }

        $state = $license->state($product, $key);

        return [$title, $this->html(Server::hint($key)), $this->stateText($state), $this->slots($state), $this->contact($state)];
    }

    /** The reason in the administrator's language where there is one, else as the server words it. */
    private function stateText(array $state): string
    {
        if (!isset($state['code'])) {
            return Text::_('__CONST___UNKNOWN');
        }

        $key  = '__CONST___CODE_' . $state['code'];
        $text = Factory::getApplication()->getLanguage()->hasKey($key) ? Text::_($key) : ($state['detail'] ?: $state['code']);
        $html = $this->html($text);

        if ($state['until'] !== '') {
            $html .= '<br><small>' . Text::sprintf('__CONST___UNTIL', $this->html(substr($state['until'], 0, 10))) . '</small>';
        }

        if ($state['renew'] !== '') {
            $html .= '<br><a href="' . $this->html($state['renew']) . '" target="_blank" rel="noopener">' . Text::_('__CONST___RENEW') . '</a>';
        }

        return '<span class="' . ($state['valid'] ? 'text-success' : 'text-danger') . '">' . $html . '</span>';
    }

    private function slots(array $state): string
    {
        if (!isset($state['used'])) {
            return "\u{2013}";
        }

        return $state['used'] . ' / ' . ($state['max'] === null ? Text::_('__CONST___UNLIMITED') : $state['max']);
    }

    private function contact(array $state): string
    {
        $last = isset($state['at']) ? HTMLHelper::_('date', '@' . $state['at'], Text::_('DATE_FORMAT_LC6')) : Text::_('JNEVER');

        return $this->html($last) . ($state['contact'] ? '' : '<br><span class="text-danger">' . Text::_('__CONST___NO_CONTACT') . '</span>');
    }

    /** @return array<int, string>  extension_id => name */
    private function names(): array
    {
        $db    = Kit::database();
        $query = method_exists($db, 'createQuery') ? $db->createQuery() : $db->getQuery(true);
        $query->select($db->quoteName(['extension_id', 'name']))->from($db->quoteName('#__extensions'));

        return array_map(function ($name) {
            return Text::_($name);
        }, $db->setQuery($query)->loadAssocList('extension_id', 'name'));
    }

    private function html(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
    }
}
