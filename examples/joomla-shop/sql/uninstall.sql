DROP TABLE IF EXISTS #__feedgateshop_events;
