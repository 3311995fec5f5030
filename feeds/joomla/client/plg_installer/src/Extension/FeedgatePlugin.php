<?php
// SPDX-License-Identifier: GPL-2.0-or-later

namespace __NS__\Installer\Extension;

defined('_JEXEC') or die;

use Joomla\CMS\Language\Text;
use Joomla\CMS\Log\Log;
use Joomla\CMS\Plugin\CMSPlugin;
use Joomla\Event\EventInterface;
use Joomla\Event\Priority;
use Joomla\Event\SubscriberInterface;
use __NS__\Installer\Kit;
use __NS__\Installer\License;
use __NS__\Installer\Server;

/** Adds key, site and instance to what Joomla asks of this kit's server. Requests to any other server stay as they are. */
final class FeedgatePlugin extends CMSPlugin implements SubscriberInterface
{
    public static function getSubscribedEvents(): array
    {
        return [
            'onInstallerBeforeUpdateSiteDownload' => 'beforeFeed',
            'onInstallerBeforePackageDownload'    => 'beforePackage',
            // After Joomla's own plugin, which adds the update sites of the manifest.
            'onExtensionAfterInstall'             => ['afterInstall', Priority::MIN],
            'onExtensionAfterUpdate'              => ['afterInstall', Priority::MIN],
        ];
    }

    /** Joomla 5.3 and later: a feed is about to be asked for. The address becomes that of the details request too. */
    public function beforeFeed(EventInterface $event)
    {
        $url = $this->urlOf($event);

        if (!Server::owns($url)) {
            return;
        }

        $this->guarded(function () use ($event, $url) {
            $sites = Kit::updateSites();
            $sites->sync();
            $this->setUrl($event, $sites->feedUrl($url));
        });
    }

    /** A package is about to be fetched. What the server would refuse is said before, and the download goes on. */
    public function beforePackage(EventInterface $event)
    {
        $url = $this->urlOf($event);

        if (!Server::owns($url)) {
            return;
        }

        $this->guarded(function () use ($event, $url) {
            $sites = Kit::updateSites();
            $sites->sync();
            $this->setUrl($event, $sites->downloadUrl($url));
            $this->warn(Kit::license(), $url, $sites->keyFor($url));
        });
    }

    public function afterInstall(EventInterface $event)
    {
        $this->guarded(function () {
            Kit::updateSites()->sync();
        });
    }

    private function warn(License $license, string $url, string $key)
    {
        $this->loadLanguage();

        if ($key === '') {
            if ($license->refusesWithoutKey($url)) {
                $this->getApplication()->enqueueMessage(Text::_('__CONST___NO_KEY'), 'warning');
            }

            return;
        }

        $state = $license->state(Server::product($url), $key, true);

        if (!$state['contact'] || $state['valid']) {
            return;
        }

        $message = Text::sprintf('__CONST___REFUSED', htmlspecialchars($state['detail'] ?: $state['code'], ENT_QUOTES, 'UTF-8'));

        if ($state['renew'] !== '') {
            $link     = htmlspecialchars($state['renew'], ENT_QUOTES, 'UTF-8');
            $message .= ' <a href="' . $link . '" target="_blank" rel="noopener">' . Text::_('__CONST___RENEW') . '</a>';
        }

        $this->getApplication()->enqueueMessage($message, 'warning');
    }

    /** Whatever goes wrong here, Joomla's own request goes out as it would have without the kit. */
    private function guarded(callable $work)
    {
        try {
            $work();
        } catch (\Throwable $e) {
            // No message of the error itself: a database error may quote a row, and a row holds a key.
            Log::add('__ELEMENT__: ' . get_class($e) . ' in ' . basename($e->getFile()) . ':' . $e->getLine(), Log::WARNING, 'updater');
        }
    }

    /** Named arguments since Joomla 5, numbered ones in 4.4. */
    private function urlOf(EventInterface $event): string
    {
        return (string) ($event->getArgument('url') ?: $event->getArgument(0));
    }

    private function setUrl(EventInterface $event, string $url)
    {
        if (method_exists($event, 'updateUrl')) {
            $event->updateUrl($url);
        } else {
            // Joomla 4.4 puts references into the arguments: this writes through to the caller's variable.
            $event->setArgument($event->getArgument(0) === null ? 'url' : 0, $url);
        }
    }
}
