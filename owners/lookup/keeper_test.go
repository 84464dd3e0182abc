package lookup_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/owners/lookup"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is a Saturday.
var now = time.Date(2026, 1, 31, 7, 0, 0, 0, time.UTC)

// warehouse is a database with the rota of the nights, and its connection.
func warehouse(t *testing.T, statements ...string) (*sql.DB, connections.Static) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warehouse.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
	return db, connections.Static{"warehouse": {Type: "sqlite", Host: &path, Password: new(connections.Secret("hunter22"))}}
}

// keeper keeps the answers of a setting in a store.
func keeper(t *testing.T, text string, s *sqlite.Store, conns connections.Source) (*lookup.Keeper, *bytes.Buffer) {
	t.Helper()
	b, err := parse(t, text)
	require.NoError(t, err)
	var log bytes.Buffer
	masker := connections.NewMasker()
	masker.Add("hunter22")
	return &lookup.Keeper{
		Book: b, Store: s, Connections: conns, Masker: masker, Clock: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}, &log
}

func openStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestQueriesFindOwners(t *testing.T) {
	t.Parallel()
	_, conns := warehouse(t,
		"CREATE TABLE oncall (since TEXT, name TEXT, mobile, uid TEXT, mail TEXT)",
		"INSERT INTO oncall VALUES ('2026-01-24', 'Ann', 13800000001, 'u1', 'ann@example.com'), ('2026-01-31 06:00', 'Bob', '138 0000 0002', 'u2', 'bob@example.com'), "+
			"('2026-01-31 06:00', 'Cid', '13800000003,13800000004', NULL, NULL), ('2026-02-07', 'Dan', '13800000005', 'u5', NULL)",
	)
	for text, want := range map[string]owners.Found{
		"sql: {conn_id: warehouse, sql: SELECT mobile FROM oncall WHERE name = 'Ann'}": {People: owners.People{Mobiles: []string{"13800000001"}}},
		"sql: {conn_id: warehouse, sql: 'SELECT since, mobile, uid, mail FROM oncall'}, since_column: 1, mobile_column: 2, user_id_column: 3, email_column: 4": {
			People: owners.People{Mobiles: []string{"13800000002", "13800000003", "13800000004"}, UserIDs: []string{"u2"}, Emails: []string{"bob@example.com"}},
		},
		"sql: {conn_id: warehouse, sql: 'SELECT uid FROM oncall LIMIT 2'}, user_id_column: 1, at_user_ids: [u2, boss]": {People: owners.People{UserIDs: []string{"u2", "boss", "u1"}}},
		"sql: {conn_id: warehouse, sql: SELECT mobile FROM oncall WHERE name = 'Zoe'}":                                 {Problem: "looking up x found nobody at 2026-01-31 07:00 UTC"},
	} {
		k, _ := keeper(t, "x: {"+text+"}", openStore(t), conns)
		k.Refresh(t.Context())
		assert.Equal(t, want, k.Book.Of("x"), text)
	}
}

func TestLookupsThatFail(t *testing.T) {
	t.Parallel()
	_, conns := warehouse(t, "CREATE TABLE oncall (name TEXT, mobile TEXT)", "INSERT INTO oncall VALUES ('Ann', '13800000001'), ('Bob', 'ask Ann 13800000001')")
	for text, want := range map[string]string{
		"sql: {conn_id: warehouse, sql: SELECT who FROM oncall}":                             "no such column",
		"sql: {conn_id: nowhere, sql: SELECT 1}":                                             `connection \"nowhere\": not found`,
		"sql: {conn_id: warehouse, sql: SELECT mobile FROM oncall}":                          "row 2: it names nobody whom DingTalk could notify",
		"sql: {conn_id: warehouse, sql: SELECT mobile FROM oncall}, mobile_column: 7":        "row 2: there is no column 7: the table has 1",
		"sql: {conn_id: warehouse, sql: 'SELECT name, mobile FROM oncall'}, since_column: 1": "row 2: column 1 is no date such as 2026-01-31",
		"sql: {conn_id: warehouse, sql: DELETE FROM oncall WHERE 1 = 0}":                     "the query gives no rows",
		"sql: {conn_id: warehouse, sql: \"SELECT * FROM oncall WHERE name = x 'hunter22'\"}": `near \"'***'\"`,
	} {
		k, log := keeper(t, "x: {"+text+"}", openStore(t), conns)
		k.Refresh(t.Context())
		found := k.Book.Of("x")
		assert.Equal(t, owners.Found{Problem: "x could not be looked up since 2026-01-31 07:00 UTC"}, found, text)
		assert.Contains(t, log.String(), want, text)
		assert.Contains(t, log.String(), "owner=x by=sql", text)
		assert.NotContains(t, log.String(), "13800000001", text)
		assert.NotContains(t, log.String(), "hunter22", text)
	}
}

// The last good answer outlives failures and restarts, as long as the question is the same.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	db, conns := warehouse(t, "CREATE TABLE oncall (mobile)", "INSERT INTO oncall VALUES ('13800000001')")
	const text = "night: {sql: {conn_id: warehouse, sql: SELECT mobile FROM oncall}}"
	ann := owners.People{Mobiles: []string{"13800000001"}}
	s := openStore(t)
	k, log := keeper(t, text, s, conns)
	require.NoError(t, k.Restore(t.Context()))
	k.Refresh(t.Context())
	assert.Equal(t, owners.Found{People: ann}, k.Book.Of("night"))
	assert.Empty(t, log.String())

	_, err := db.ExecContext(t.Context(), "ALTER TABLE oncall RENAME TO gone")
	require.NoError(t, err)
	for minutes := range 2 {
		k.Clock = func() time.Time { return now.Add(time.Duration(5+minutes) * time.Minute) }
		k.Refresh(t.Context())
		assert.Equal(t, owners.Found{
			People: ann, Problem: "night could not be looked up since 2026-01-31 07:05 UTC, this is who it was at 2026-01-31 07:00 UTC",
		}, k.Book.Of("night"))
	}
	started, _ := keeper(t, text, s, conns)
	assert.Equal(t, "night has not been looked up yet", started.Book.Of("night").Problem)
	require.NoError(t, started.Restore(t.Context()))
	assert.Equal(t, k.Book.Of("night"), started.Book.Of("night"))

	other, _ := keeper(t, "night: {sql: {conn_id: warehouse, sql: SELECT mobile FROM oncall LIMIT 1}}", s, conns)
	require.NoError(t, other.Restore(t.Context()))
	assert.Equal(t, owners.Found{Problem: "night has not been looked up yet"}, other.Book.Of("night"), "another question")

	_, err = db.ExecContext(t.Context(), "ALTER TABLE gone RENAME TO oncall")
	require.NoError(t, err)
	k.Refresh(t.Context())
	assert.Equal(t, owners.Found{People: ann}, k.Book.Of("night"))
	assert.Contains(t, log.String(), "an owner could be looked up again")

	left, _ := keeper(t, "ann: '13800000001'", s, conns)
	require.NoError(t, left.Restore(t.Context()))
	rows, err := s.OwnerAnswers(t.Context())
	require.NoError(t, err)
	assert.Empty(t, rows, "who is no owner any more is forgotten")
}

// A department and a sheet are asked through the app, and the sandbox answers.
func TestDirectoryAndSheet(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	app := box.Demo()
	box.AddWorkbook(sandbox.Workbook{
		ID: "RotaWorkbookxxxxxxxxxxxxxxxxxxxx", WorkspaceID: "DemoSpace0000001", Name: "值班表", Sheets: []sandbox.Sheet{{Name: "周", Values: [][]any{
			{"从", "谁", "手机"}, {"2026/1/26", "张三", 13800000001}, {"2026-01-31", "李四", "13800000002"}, {"2026年2月7日", "王五", 13800000003}, {nil, "", nil},
		}}},
	})
	conns := connections.Static{"app": {
		Type: "dingtalk", Host: &box.URL, Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)),
		Extra: new(connections.Secret(`{"qps": 0, "operator_user_id": "user001"}`)),
	}}
	k, log := keeper(t, `
data: {directory: {dingtalk_conn_id: app, dept_id: 5, size: 2}}
week: {sheet: {dingtalk_conn_id: app, workbook_id: RotaWorkbookxxxxxxxxxxxxxxxxxxxx, sheet_id: 周, range_address: "A1:C9"}, since_column: 1, mobile_column: 3}
nowhere: {directory: {dingtalk_conn_id: app, dept_id: 777}}
`, openStore(t), conns)
	k.Refresh(t.Context())
	assert.Equal(t, owners.Found{People: owners.People{UserIDs: []string{"user006", "user007", "user008"}}}, k.Book.Of("data"), "all pages, by userid")
	assert.Equal(t, owners.Found{People: owners.People{Mobiles: []string{"13800000002"}}}, k.Book.Of("week"), "of whose week it is")
	assert.Equal(t, "nowhere could not be looked up since 2026-01-31 07:00 UTC", k.Book.Of("nowhere").Problem)
	assert.NotContains(t, log.String(), "1380000000")
	assert.NotContains(t, log.String(), app.AppSecret)
}

// counted is a look-up that counts.
type counted struct {
	mu    sync.Mutex
	asked []time.Duration
	began time.Time
}

func (*counted) Kind() string { return "sql" }
func (*counted) Key() string  { return "k" }
func (c *counted) Look(_ context.Context, _ connections.Source, now func() time.Time) (owners.People, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, now().Sub(c.began))
	return owners.People{UserIDs: []string{"u1"}}, nil
}

// memory is a store that is told all and keeps nothing.
type memory struct{}

func (memory) OwnerAnswers(context.Context) ([]*store.OwnerAnswer, error) { return nil, nil }
func (memory) Tx(context.Context, func(store.Tx) error) error             { return nil }

func TestOwnersAreLookedUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &counted{began: time.Now()}
		k := &lookup.Keeper{
			Book:  owners.New(&owners.Entry{Name: "x", Lookup: c}, &owners.Entry{Name: "ann", People: owners.People{Mobiles: []string{"13800000001"}}}),
			Store: memory{}, Connections: connections.Static{}, Masker: connections.NewMasker(), Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Minute)
		defer cancel()
		k.Run(ctx)
		assert.Equal(t, []time.Duration{0, 5 * time.Minute, 10 * time.Minute}, c.asked)
	})
}

// Where nobody is looked up nothing waits.
func TestNothingToLookUp(t *testing.T) {
	t.Parallel()
	k, _ := keeper(t, "ann: '13800000001'", openStore(t), connections.Static{})
	k.Run(t.Context())
}
