"""The schema of the manifest: artifact_index's tables, and which file of ours holds what."""

from artifact_index import SCHEMA as INDEX_SCHEMA
from toolroll_shared.sqlite import Schema

_FILES_VERSION_1 = """
CREATE TABLE files (
    path        TEXT PRIMARY KEY,
    asset_id    INTEGER NOT NULL REFERENCES assets (id),
    size        INTEGER NOT NULL,
    sha256      TEXT NOT NULL CHECK (length(sha256) = 64),
    mtime_ns    INTEGER NOT NULL,
    verified_by TEXT NOT NULL CHECK (verified_by IN ('digest', 'size')),
    stored_at   TEXT NOT NULL
) STRICT;
"""

_FILES_VERSION_2 = """
CREATE TABLE files_2 (
    path             TEXT PRIMARY KEY,  -- below DEST, with forward slashes
    release_id       INTEGER NOT NULL REFERENCES releases (id),
    asset_id         INTEGER REFERENCES assets (id),  -- NULL: it holds no asset
    kind             TEXT NOT NULL CHECK (kind IN ('asset', 'tarball', 'zipball', 'checksums')),
    size             INTEGER NOT NULL,
    sha256           TEXT NOT NULL CHECK (length(sha256) = 64),
    mtime_ns         INTEGER NOT NULL,
    verified_by      TEXT NOT NULL
                     CHECK (verified_by IN ('digest', 'published', 'size', 'nothing')),
    published_sha256 TEXT,              -- what the release's own checksums say; NULL: nothing
    stored_at        TEXT NOT NULL,
    removed_at       TEXT,              -- NULL: there; else when it was pruned
    CHECK ((kind = 'asset') = (asset_id IS NOT NULL))
) STRICT;
INSERT INTO files_2
    SELECT path, assets.release_id, asset_id, 'asset', files.size, sha256, mtime_ns, verified_by,
           NULL, stored_at, NULL
    FROM files JOIN assets ON assets.id = asset_id;
DROP TABLE files;
ALTER TABLE files_2 RENAME TO files;
CREATE INDEX files_by_release ON files (release_id);
CREATE INDEX files_by_asset ON files (asset_id);
CREATE TABLE runs (
    repository_id     INTEGER PRIMARY KEY REFERENCES repositories (id),
    finished_at       TEXT NOT NULL,    -- the end of the last run that was not cut off
    failed            INTEGER NOT NULL, -- assets that it could not mirror
    complete_at       TEXT,             -- the end of the last run in which none failed
    latest_release_id INTEGER           -- what upstream shows as its latest; NULL: none, or unknown
) STRICT;
"""

SCHEMA = Schema(
    kind="release-mirror manifest",
    application_id=0x54524D46,  # "TRMF"
    # Only ever appended to: a later step of the index goes behind the steps that are here.
    migrations=(
        INDEX_SCHEMA.migrations[0],
        _FILES_VERSION_1,
        INDEX_SCHEMA.migrations[1],
        _FILES_VERSION_2,
    ),
)
