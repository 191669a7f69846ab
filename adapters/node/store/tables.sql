-- The node's own memory. Everything about persons stays in this file, at the agency.
-- Tables with a blob in each row keep SQLite's row ids: a key of its own would spill each such row over further pages.

CREATE TABLE IF NOT EXISTS outbox (          -- signed bytes, durable before they are sent, resent unchanged until answered
    -- key: origin of the shard, space, name of the key; each shard counts from 1
    key TEXT NOT NULL, n INTEGER NOT NULL, message BLOB,
    state TEXT NOT NULL CHECK (state IN ('pending', 'logged', 'dead')), idx INTEGER, leaf BLOB,
    PRIMARY KEY (key, n)
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (key, n) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS voided (          -- numbers of which this node has no bytes, and which a void declared dead
    key TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (key, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS asked (           -- what this agency asked for, and what came of it
    exchange TEXT PRIMARY KEY, at INTEGER NOT NULL, staff TEXT NOT NULL, purpose TEXT NOT NULL, holder TEXT NOT NULL,
    basis TEXT NOT NULL, fields TEXT NOT NULL, case_ref TEXT, offer TEXT, person TEXT, answer_by INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sent', 'granted', 'refused', 'rejected', 'answered', 'not_available')),
    reason TEXT, grant_entry BLOB, grant_proof BLOB, entry BLOB, proof BLOB, record TEXT,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    message BLOB, due INTEGER, tries INTEGER NOT NULL DEFAULT 0 -- the request's bytes, and when they are sent again
) STRICT;
CREATE INDEX IF NOT EXISTS asked_due ON asked (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS asked_by ON asked (staff, at);
CREATE INDEX IF NOT EXISTS asked_unacknowledged ON asked (holder) WHERE state = 'answered' AND acknowledged = 0;

CREATE TABLE IF NOT EXISTS received (        -- what others asked of this agency
    exchange TEXT PRIMARY KEY, at INTEGER NOT NULL, requester TEXT NOT NULL, purpose TEXT NOT NULL, fields TEXT NOT NULL,
    basis TEXT NOT NULL, answer_by INTEGER NOT NULL, grant_entry BLOB NOT NULL, grant_proof BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('waiting', 'human', 'sending', 'disclosed', 'done', 'unavailable', 'withheld', 'lapsed')),
    why TEXT NOT NULL, person TEXT, candidates TEXT, handle TEXT, ref TEXT,
    entry BLOB, proof BLOB, sealed BLOB,
    ended_at INTEGER, due INTEGER, tries INTEGER NOT NULL DEFAULT 0 -- when the outcome is handed over again
) STRICT;
CREATE INDEX IF NOT EXISTS received_open ON received (answer_by) WHERE state IN ('waiting', 'human');
CREATE INDEX IF NOT EXISTS received_due ON received (due) WHERE due IS NOT NULL;

CREATE TABLE IF NOT EXISTS disclosure (      -- the disclosure register: who got what of whom (Art. 15, 19 GDPR)
    exchange TEXT PRIMARY KEY, at INTEGER NOT NULL, requester TEXT NOT NULL, purpose TEXT NOT NULL, fields TEXT NOT NULL,
    basis TEXT NOT NULL, ref TEXT NOT NULL, idx INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS disclosure_at ON disclosure (at);
CREATE INDEX IF NOT EXISTS disclosure_of ON disclosure (ref, at);

CREATE TABLE IF NOT EXISTS consent (         -- consents this agency collected, or holds as their recipient
    id TEXT PRIMARY KEY, side TEXT NOT NULL CHECK (side IN ('collector', 'recipient', 'both')),
    statement TEXT NOT NULL, package TEXT NOT NULL, view_code TEXT, withdraw_code TEXT,
    state TEXT NOT NULL CHECK (state IN ('sent', 'given', 'rejected', 'withdrawn')), idx INTEGER, handle TEXT,
    entry BLOB, proof BLOB,
    due INTEGER, tries INTEGER NOT NULL DEFAULT 0 -- when its package is handed over again; NULL when it need not be
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consent_due ON consent (due) WHERE due IS NOT NULL;

CREATE TABLE IF NOT EXISTS offer (           -- what clients were asked here and have not said yes to; key: SHA-256
    key TEXT PRIMARY KEY, person TEXT NOT NULL, purpose TEXT NOT NULL, recipient TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'deferred', 'refused')), at INTEGER NOT NULL, choice TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ending (          -- why a consent that is over ended, and where in the log that stands
    consent TEXT PRIMARY KEY, cause TEXT NOT NULL CHECK (cause IN ('withdrawn', 'revoked', 'invalidated', 'renewed')),
    idx INTEGER, at INTEGER                  -- NULL while the log could not be told, or only a refusal told of it
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taking (          -- what nobody else learns of how a consent was taken
    consent TEXT PRIMARY KEY, guardian TEXT, -- who consented in the client's place
    draft INTEGER NOT NULL                   -- 1 when nobody had approved the text
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS pair (            -- the asking side of a pair handle on a statute; person: SHA-256 of the block
    holder TEXT NOT NULL, person TEXT NOT NULL, handle TEXT NOT NULL, PRIMARY KEY (holder, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS handle (          -- the holder's side of a pair handle: for whom it stands towards whom
    handle TEXT PRIMARY KEY, requester TEXT NOT NULL, ref TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handle_basis (    -- the consents and bases whose commitment was opened for that very row
    handle TEXT NOT NULL REFERENCES handle, basis TEXT NOT NULL, PRIMARY KEY (handle, basis)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handle_of ON handle_basis (basis);

CREATE TABLE IF NOT EXISTS proven (          -- entries this node rests on: steering chain, approvals, consents, their ends
    idx INTEGER PRIMARY KEY, entry BLOB NOT NULL, proof BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS bundle (hash TEXT PRIMARY KEY, raw BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cosigned (origin TEXT PRIMARY KEY, note BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS followed (        -- how far each log was followed leaf by leaf: the hashes of its right edge
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, edge BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS followed_leaf (   -- the hashes of the leaves that went by, 256 to a row
    origin TEXT NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (origin, n)
) STRICT;
CREATE TABLE IF NOT EXISTS staff (pseudonym TEXT PRIMARY KEY, month TEXT NOT NULL, staff TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS month_key (month TEXT PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS colleague (       -- who has logged in; the sign-on's own words
    staff TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stand_in (        -- who reads the answers of whom, until when
    absent TEXT NOT NULL, deputy TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (absent, deputy)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS look (            -- that staff looked at a client of their own; not at whom
    at INTEGER NOT NULL, staff TEXT NOT NULL, look TEXT NOT NULL CHECK (look IN ('search', 'open', 'read')),
    namesake INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS look_at ON look (at);
CREATE INDEX IF NOT EXISTS asked_at ON asked (at);
CREATE TABLE IF NOT EXISTS resolved (        -- whose pseudonym an officer resolved, and why
    at INTEGER NOT NULL, officer TEXT NOT NULL, pseudonym TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS arrangement (     -- how a member of staff wants a list shown
    staff TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL, PRIMARY KEY (staff, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS report (          -- whose report (Art. 15 GDPR) an officer drew up, and why
    at INTEGER NOT NULL, officer TEXT NOT NULL, ref TEXT NOT NULL, case_ref TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS asked_case ON asked (case_ref) WHERE case_ref IS NOT NULL;
CREATE TABLE IF NOT EXISTS notice (          -- the view code on the notice of a request on a statute; the log has its hash
    exchange TEXT PRIMARY KEY, view_code TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handed_out (      -- that the person got the notice: day, language, pseudonym of who gave it
    exchange TEXT PRIMARY KEY REFERENCES notice, at INTEGER NOT NULL, day TEXT NOT NULL, language TEXT NOT NULL,
    staff TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS occasion (        -- packages: the requests of one occasion; nothing outside ties them together
    occasion TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, staff TEXT NOT NULL,
    purpose TEXT NOT NULL, holder TEXT NOT NULL, exchange TEXT NOT NULL UNIQUE, problem TEXT,
    PRIMARY KEY (occasion, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS handed_on (       -- a waiting request that a colleague was asked to decide
    exchange TEXT PRIMARY KEY REFERENCES received, asker TEXT NOT NULL, colleague TEXT NOT NULL, at INTEGER NOT NULL,
    why TEXT, note TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agreed (          -- the first yes of the two that a purpose demands; typed: from a paper file
    exchange TEXT PRIMARY KEY REFERENCES received, staff TEXT NOT NULL, at INTEGER NOT NULL, role TEXT NOT NULL,
    ref TEXT NOT NULL, typed TEXT
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS decided AFTER UPDATE OF state ON received WHEN NEW.state <> 'human' BEGIN
    DELETE FROM handed_on WHERE exchange = NEW.exchange;
    DELETE FROM agreed WHERE exchange = NEW.exchange;
END;
CREATE TABLE IF NOT EXISTS release_step (    -- who did what with a waiting request, by pseudonym; no client, no note
    exchange TEXT NOT NULL, at INTEGER NOT NULL, pseudonym TEXT NOT NULL,
    step TEXT NOT NULL CHECK (step IN ('asked', 'taken_back', 'agreed', 'released', 'refused')), why TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS release_step_at ON release_step (at);
