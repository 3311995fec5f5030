CREATE TABLE IF NOT EXISTS "#__feedgateshop_events" (
  "id" varchar(64) NOT NULL PRIMARY KEY,
  "body" text NOT NULL,
  "made_at" bigint NOT NULL,
  "next_at" bigint NOT NULL,
  "tries" integer NOT NULL DEFAULT 0,
  "error" varchar(500) NOT NULL DEFAULT ''
);
CREATE INDEX "#__feedgateshop_events_next" ON "#__feedgateshop_events" ("next_at");
