package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
)

// bare connects to the database of a URL without making or changing tables. The caller closes the pool of the store, which can only be
// looked at.
func bare(ctx context.Context, url string) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	o := Options{}.filled()
	pool, _, err := newPool(ctx, config, o.Log)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", explain(err))
	}
	return &Store{opts: o, pool: pool}, nil
}

// Plan reads what bringing the tables of a database up to date would do. It changes nothing.
func Plan(ctx context.Context, url string) (*sqlcheck.Plan, error) {
	s, err := bare(ctx, url)
	if err != nil {
		return nil, err
	}
	defer s.pool.Close()
	state, err := s.migrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", explain(err))
	}
	now, err := s.now(ctx, s.conn())
	if err != nil {
		return nil, err
	}
	return sqlcheck.NewPlan(ctx, s.conn(), state, now, func(table string) string {
		return "SELECT CAST(greatest(reltuples, 0) AS bigint) FROM pg_class WHERE oid = to_regclass('" + table + "')"
	})
}

// Check looks whether a program can work with the database of a URL, and how well. It changes nothing. clock is that of this machine.
func Check(ctx context.Context, url string, clock func() time.Time) (f sqlcheck.Findings) {
	s, err := bare(ctx, url)
	if err != nil {
		f.Add("connection", sqlcheck.Failed, "%v", err)
		return f
	}
	defer s.pool.Close()
	c := check{s, clock, &f}
	if !c.server(ctx) {
		return f
	}
	c.clocks(ctx)
	c.rights(ctx)
	state, err := s.migrations(ctx)
	f.Tables(state, explain(err))
	if err := sqlcopy.Unfinished(ctx, s.conn()); err != nil {
		f.Add("copy", sqlcheck.Failed, "%v", explain(err))
	}
	f.Commits(ctx, clock, func(ctx context.Context) error {
		// It writes into the log, and no table.
		_, err := s.pool.Exec(ctx, "SELECT pg_logical_emit_message(true, 'dingdag', '')")
		return explain(err)
	})
	c.notify(ctx)
	c.load(ctx)
	return f
}

type check struct {
	s     *Store
	clock func() time.Time
	f     *sqlcheck.Findings
}

// add adds a finding, or that it could not be looked for.
func (c check) add(err error, name string, s sqlcheck.Status, format string, args ...any) {
	if err != nil {
		s, format, args = sqlcheck.Failed, "%v", []any{explain(err)}
	}
	c.f.Add(name, s, format, args...)
}

// server looks at what cannot be changed by a migration. It reports whether there is more to look at.
func (c check) server(ctx context.Context) bool {
	var version, encoding, user, database string
	var number int
	var schema *string
	var reading, tls bool
	err := c.s.pool.QueryRow(ctx, `SELECT current_setting('server_version'), CAST(current_setting('server_version_num') AS int), current_setting('server_encoding'),
		current_schema(), CAST(current_setting('transaction_read_only') AS boolean), current_user, current_database(),
		coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), FALSE)`).Scan(&version, &number, &encoding, &schema, &reading, &user, &database, &tls)
	over := "without TLS"
	if tls {
		over = "over TLS"
	}
	config := c.s.pool.Config().ConnConfig
	c.add(err, "connection", sqlcheck.OK, "%s:%d, database %s, user %s, %s", config.Host, config.Port, database, user, over)
	if err != nil {
		return false
	}
	verdict := func(bad bool) sqlcheck.Status {
		if bad {
			return sqlcheck.Failed
		}
		return sqlcheck.OK
	}
	c.f.Add("server", verdict(number < oldest), "PostgreSQL %s%s", version, map[bool]string{true: "; want 13 or newer"}[number < oldest])
	c.f.Add("encoding", verdict(encoding != "UTF8"), "%s%s", encoding, map[bool]string{true: ": create another database, with the encoding UTF8"}[encoding != "UTF8"])
	if reading {
		c.f.Add("writing", sqlcheck.Failed, "%v", errReading)
	}
	if schema == nil {
		c.f.Add("schema", sqlcheck.Failed, "%v", errSchema)
		return false
	}
	c.f.Add("schema", sqlcheck.OK, "%s", *schema)
	return !reading
}

// rights looks whether the user may change tables and make others.
func (c check) rights(ctx context.Context) {
	var create bool
	var others *string
	err := c.s.pool.QueryRow(ctx, `SELECT has_schema_privilege(current_schema(), 'CREATE'),
		(SELECT string_agg(DISTINCT CAST(tableowner AS text), ', ') FROM pg_tables WHERE schemaname = current_schema() AND NOT pg_has_role(tableowner, 'USAGE'))`).Scan(&create, &others)
	switch {
	case err == nil && others != nil:
		c.f.Add("rights", sqlcheck.Failed, "tables belong to %s: connect as that user, or make them the tables of this one (REASSIGN OWNED)", *others)
	case err == nil && !create:
		c.f.Add("rights", sqlcheck.Failed, "the user may make no tables in the schema: GRANT CREATE ON SCHEMA to it")
	default:
		c.add(err, "rights", sqlcheck.OK, "the user may change the tables and make others")
	}
}

// Differences of clocks from which on there is a warning, and work makes no sense.
const (
	clockWarning = time.Second
	clockFailed  = time.Minute
)

func (c check) clocks(ctx context.Context) {
	began := c.clock()
	theirs, err := c.s.now(ctx, c.s.conn())
	took := c.clock().Sub(began)
	off := theirs.Sub(began.Add(took / 2)).Round(time.Millisecond)
	what := fmt.Sprintf("%s ahead of", off)
	if off < 0 {
		what = fmt.Sprintf("%s behind", -off)
	}
	status, do := sqlcheck.OK, ""
	if off.Abs() > clockWarning+took {
		status, do = sqlcheck.Warning, ": leases go by the one and schedules by the other: set both, by NTP"
	}
	if off.Abs() > clockFailed+took {
		status = sqlcheck.Failed
	}
	c.add(err, "clock", status, "that of the database is %s that of this machine%s", what, do)
}

// heard is how long it is waited for a notification.
const heard = 3 * time.Second

// notify looks whether what one connection tells is heard over another.
func (c check) notify(ctx context.Context) {
	took, err := c.hear(ctx)
	switch {
	case errors.Is(err, errUnheard):
		c.f.Add("notify", sqlcheck.Warning, "what one connection tells (NOTIFY) is not heard over another (LISTEN), as through a pooler that lends connections to single transactions: "+
			"what other processes do is found by looking each second")
	default:
		c.add(err, "notify", sqlcheck.OK, "heard within %s", took.Round(10*time.Microsecond))
	}
}

var errUnheard = errors.New("nothing was heard")

func (c check) hear(ctx context.Context) (took time.Duration, err error) {
	channel := "dingdag_check_" + strings.ToLower(rand.Text())
	conn, err := pgx.ConnectConfig(ctx, c.s.pool.Config().ConnConfig)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return 0, err
	}
	began := c.clock()
	if _, err := c.s.pool.Exec(ctx, "SELECT pg_notify($1, '')", channel); err != nil {
		return 0, err
	}
	waiting, cancel := context.WithTimeout(ctx, heard)
	defer cancel()
	if _, err := conn.WaitForNotification(waiting); err != nil {
		if ctx.Err() == nil && waiting.Err() != nil {
			return 0, errUnheard
		}
		return 0, err
	}
	return c.clock().Sub(began), nil
}

// load looks how full it is.
func (c check) load(ctx context.Context) {
	var used, most int
	err := c.s.pool.QueryRow(ctx, "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), CAST(current_setting('max_connections') AS int)").Scan(&used, &most)
	pool := int(c.s.pool.Config().MaxConns)
	if err == nil && used+pool > most {
		c.f.Add("connections", sqlcheck.Warning, "%d of %d are in use, and each process takes up to %d and one that listens: raise max_connections, or lower pool_max_conns in the URL", used, most, pool)
	} else {
		c.add(err, "connections", sqlcheck.OK, "%d of %d are in use; each process takes up to %d and one that listens", used, most, pool)
	}
	sp, err := space(ctx, c.s.conn())
	c.add(err, "size", sqlcheck.OK, "%s", sqlcheck.Size(sp.Total))
	now, err := c.s.now(ctx, c.s.conn())
	var ls []sqlmigrate.Lease
	if err == nil {
		ls, err = sqlmigrate.Leases(ctx, c.s.conn(), now)
	}
	if err != nil {
		c.add(err, "processes", sqlcheck.Failed, "")
		return
	}
	c.f.AtWork(ls)
}
