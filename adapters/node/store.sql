-- The node's own memory. Everything about persons stays in this file, at the agency.

CREATE TABLE IF NOT EXISTS outbox (          -- signed bytes, durable before they are sent, resent unchanged until answered
    key TEXT NOT NULL, n INTEGER NOT NULL, verb TEXT NOT NULL, message BLOB,
    state TEXT NOT NULL CHECK (state IN ('pending', 'logged', 'dead')), idx INTEGER, leaf BLOB,
    PRIMARY KEY (key, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (key, n) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS asked (           -- what this agency asked for, and what came of it
    exchange TEXT PRIMARY KEY, at INTEGER NOT NULL, staff TEXT NOT NULL, purpose TEXT NOT NULL, holder TEXT NOT NULL,
    basis TEXT NOT NULL, fields TEXT NOT NULL, case_ref TEXT, offer TEXT, answer_by INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sent', 'granted', 'refused', 'rejected', 'answered', 'not_available')),
    reason TEXT, grant_entry BLOB, grant_proof BLOB, entry BLOB, proof BLOB, record TEXT, acknowledged INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS received (        -- what others asked of this agency
    exchange TEXT PRIMARY KEY, at INTEGER NOT NULL, requester TEXT NOT NULL, purpose TEXT NOT NULL, fields TEXT NOT NULL,
    basis TEXT NOT NULL, answer_by INTEGER NOT NULL, grant_entry BLOB NOT NULL, grant_proof BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'human', 'sending', 'disclosed', 'unavailable', 'withheld', 'done')),
    why TEXT NOT NULL, person TEXT, candidates TEXT, handle TEXT, ref TEXT,
    entry BLOB, proof BLOB, sealed BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS received_open ON received (state) WHERE state IN ('waiting', 'human', 'sending');

CREATE TABLE IF NOT EXISTS disclosure (      -- the disclosure register: who got what of whom (Art. 15, 19 GDPR)
    exchange TEXT PRIMARY KEY, at INTEGER NOT NULL, requester TEXT NOT NULL, purpose TEXT NOT NULL, fields TEXT NOT NULL,
    basis TEXT NOT NULL, ref TEXT NOT NULL, idx INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS consent (         -- consents this agency collected, or holds as their recipient
    id TEXT PRIMARY KEY, side TEXT NOT NULL CHECK (side IN ('collector', 'recipient', 'both')),
    statement TEXT NOT NULL, package TEXT NOT NULL, view_code TEXT, withdraw_code TEXT,
    state TEXT NOT NULL CHECK (state IN ('sent', 'given', 'rejected', 'withdrawn')), idx INTEGER, handle TEXT,
    delivered INTEGER NOT NULL DEFAULT 0, entry BLOB, proof BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS handle (          -- the holder's side of a pair handle: for whom it stands towards whom
    handle TEXT PRIMARY KEY, requester TEXT NOT NULL, ref TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handle_basis (    -- the consents and bases whose commitment was opened for that very row
    handle TEXT NOT NULL REFERENCES handle, basis TEXT NOT NULL, PRIMARY KEY (handle, basis)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS proven (          -- entries of others this node rests on: steering chain, approvals, consents
    idx INTEGER PRIMARY KEY, entry BLOB NOT NULL, proof BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS bundle (hash TEXT PRIMARY KEY, raw BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cosigned (origin TEXT PRIMARY KEY, note BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staff (pseudonym TEXT PRIMARY KEY, month TEXT NOT NULL, staff TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS month_key (month TEXT PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;
