"""The schema of the index: its versions, step by step, and the columns that come from GitHub.

Keys are GitHub's ids, which are unique on one server; times are UTC text to the second.
"""

from toolroll_shared.sqlite import Schema

VERSION_1 = """
CREATE TABLE repositories (
    id        INTEGER PRIMARY KEY,
    full_name TEXT NOT NULL,
    private   INTEGER NOT NULL CHECK (private IN (0, 1))
) STRICT;
CREATE TABLE releases (
    id            INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag_name      TEXT NOT NULL,
    name          TEXT,
    draft         INTEGER NOT NULL CHECK (draft IN (0, 1)),
    prerelease    INTEGER NOT NULL CHECK (prerelease IN (0, 1)),
    created_at    TEXT NOT NULL,
    published_at  TEXT,
    html_url      TEXT NOT NULL
) STRICT;
CREATE INDEX releases_by_repository ON releases (repository_id);
CREATE TABLE assets (
    id                   INTEGER PRIMARY KEY,
    release_id           INTEGER NOT NULL REFERENCES releases (id),
    name                 TEXT NOT NULL,
    size                 INTEGER NOT NULL,
    digest               TEXT,
    content_type         TEXT NOT NULL,
    state                TEXT NOT NULL,
    download_count       INTEGER NOT NULL,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    url                  TEXT NOT NULL,
    browser_download_url TEXT NOT NULL
) STRICT;
CREATE INDEX assets_by_release ON assets (release_id);
"""

VERSION_2 = """
ALTER TABLE repositories ADD COLUMN api_host TEXT;        -- the server whose ids these are
ALTER TABLE repositories ADD COLUMN first_seen_at TEXT;   -- NULL: before version 2
ALTER TABLE repositories ADD COLUMN gone_at TEXT;         -- NULL: there
ALTER TABLE repositories ADD COLUMN synced_at TEXT;       -- the end of the last whole sync
ALTER TABLE repositories ADD COLUMN synced_since TEXT;    -- its --since
ALTER TABLE repositories ADD COLUMN listed_from TEXT;     -- earlier ones were beyond its limit
ALTER TABLE repositories ADD COLUMN next_page INTEGER;    -- of a sync that was cut off
ALTER TABLE repositories ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;  -- grows with changes
ALTER TABLE releases ADD COLUMN first_seen_at TEXT;
ALTER TABLE releases ADD COLUMN gone_at TEXT;
ALTER TABLE assets ADD COLUMN first_seen_at TEXT;
ALTER TABLE assets ADD COLUMN gone_at TEXT;
CREATE TABLE download_counts (
    asset_id       INTEGER NOT NULL REFERENCES assets (id),
    day            TEXT NOT NULL,
    download_count INTEGER NOT NULL,
    PRIMARY KEY (asset_id, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
    id            INTEGER PRIMARY KEY,
    at            TEXT NOT NULL,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    release_id    INTEGER REFERENCES releases (id),
    asset_id      INTEGER REFERENCES assets (id),
    change        TEXT NOT NULL CHECK (change IN ('changed', 'gone', 'back')),
    field         TEXT,
    old_value     ANY,
    new_value     ANY
) STRICT;
CREATE INDEX changes_by_time ON changes (at);
INSERT INTO download_counts
    SELECT id, strftime('%Y-%m-%d', 'now'), download_count FROM assets;
"""

SCHEMA = Schema(
    kind="artifact-index database",
    application_id=0x54524149,  # "TRAI"
    migrations=(VERSION_1, VERSION_2),
)

REPOSITORY_FIELDS = ("id", "full_name", "private", "api_host", "gone_at")
RELEASE_FIELDS = (
    "id",
    "repository_id",
    "tag_name",
    "name",
    "draft",
    "prerelease",
    "created_at",
    "published_at",
    "html_url",
    "gone_at",
)
ASSET_FIELDS = (
    "id",
    "release_id",
    "name",
    "size",
    "digest",
    "content_type",
    "state",
    "download_count",
    "created_at",
    "updated_at",
    "url",
    "browser_download_url",
    "gone_at",
)
