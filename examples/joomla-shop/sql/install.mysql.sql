CREATE TABLE IF NOT EXISTS `#__feedgateshop_events` (
  `id` varchar(64) NOT NULL,
  `body` mediumtext NOT NULL,
  `made_at` int unsigned NOT NULL,
  `next_at` int unsigned NOT NULL,
  `tries` int unsigned NOT NULL DEFAULT 0,
  `error` varchar(500) NOT NULL DEFAULT '',
  PRIMARY KEY (`id`),
  KEY `idx_next` (`next_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
