package sql_test

import (
	"context"
	dbsql "database/sql"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestShapesOfResults(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			_, err := run(t, task, "CREATE TABLE t (a INTEGER)")
			require.NoError(t, err)
			for parameters, want := range map[string]string{
				"sql: SELECT 1 AS a UNION SELECT 2":                                                   "[[1], [2]]",
				"sql: SELECT a FROM t WHERE a < 0":                                                    "[]",
				"sql: DELETE FROM t WHERE a < 0":                                                      "null",
				"sql: SELECT 1; SELECT 2":                                                             "[[2]]",
				"sql: SELECT 1; SELECT 2, split_statements: true":                                     "[[2]]",
				"sql: SELECT 1; SELECT 2, return_last: false":                                         "[[2]]",
				"sql: SELECT 1; DELETE FROM t; SELECT 2;, split_statements: true, return_last: false": "[[[1]], null, [[2]]]",
				"sql: [SELECT 1]":                                                                     "[[[1]]]",
				"sql: [SELECT 1, SELECT 2]":                                                           "[[[1]], [[2]]]",
				"sql: [SELECT 1; SELECT 2, SELECT 3], autocommit: true":                               "[[[2]], [[3]]]",
			} {
				assert.JSONEq(t, want, asJSON(t, task, parameters), parameters)
			}
		})
	}
}

func TestFailureRollsBack(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			_, err := run(t, task, "CREATE TABLE t (a INTEGER)")
			require.NoError(t, err)
			_, err = run(t, task, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO missing VALUES (3)")
			require.ErrorContains(t, err, "the transaction was rolled back")
			assert.Contains(t, err.Error(), "missing")
			assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind)
			assert.Equal(t, "[[0]]", asJSON(t, task, "sql: SELECT count(*) FROM t"))

			_, err = execute(t, task, "sql", `{conn_id: warehouse, split_statements: true, retry_on_failure: false,
				sql: INSERT INTO t VALUES (1); INSERT INTO missing VALUES (3)}`)
			require.ErrorContains(t, err, "statement 2 of 2: ")
			assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
			assert.Equal(t, "[[0]]", asJSON(t, task, "sql: SELECT count(*) FROM t"), kind)

			_, err = execute(t, task, "sql", "{conn_id: warehouse, autocommit: true, sql: [INSERT INTO t VALUES (1), INSERT INTO missing VALUES (3)]}")
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "rolled back")
			assert.Equal(t, "[[1]]", asJSON(t, task, "sql: SELECT count(*) FROM t"))
		})
	}
}

func TestParametersAreBound(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			mark, named := "%s", func(name string) string { return "%(" + name + ")s" }
			if kind == "sqlite" {
				mark, named = "?", func(name string) string { return ":" + name }
			}
			_, err := run(t, task, "CREATE TABLE t (a INTEGER, b VARCHAR(99), c DOUBLE PRECISION)")
			require.NoError(t, err)
			insert := strings.ReplaceAll("INSERT INTO t VALUES (?, ?, ?)", "?", mark)
			parameters, err := json.Marshal(map[string]any{
				"conn_id": "warehouse", "sql": insert + ";" + insert,
				"parameters": []any{1, `it's "\ %`, 1.5, nil, 7, nil}, // a number for text is text
			})
			require.NoError(t, err)
			_, err = execute(t, task, "sql", string(parameters))
			require.NoError(t, err)
			assert.JSONEq(t, `[[1, "it's \"\\ %", 1.5], [null, "7", null]]`, asJSON(t, task, "sql: 'SELECT a, b, c FROM t ORDER BY b DESC'"))
			assert.JSONEq(t, `[[1]]`, asJSON(t, task, fmt.Sprintf(
				"sql: \"SELECT a FROM t WHERE a < %s AND c >= %s AND b LIKE %s\", parameters: {n: 1.5, b: \"it's%%\"}",
				named("n"), named("n"), named("b"))))
			if kind != "sqlite" {
				assert.JSONEq(t, `[["7"]]`, asJSON(t, task, `sql: SELECT b FROM t WHERE b LIKE '%%7' AND 5 %% 3 = %s, parameters: [2]`))
			}
		})
	}
}

func TestListsAsValues(t *testing.T) {
	t.Parallel()
	for kind, text := range map[string]string{"postgres": "SELECT 1 WHERE 2 = ANY(%s)", "mysql": "SELECT 1 FROM DUAL WHERE 2 IN %s"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, servers()[kind])
			assert.Equal(t, "[[1]]", asJSON(t, task, "sql: '"+text+"', parameters: [[1, 2]]"))
			assert.Equal(t, "[]", asJSON(t, task, "sql: '"+text+"', parameters: [[1, 3]]"))
		})
	}
}

func TestPostgresTakesLiteralsTypes(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newPostgres)
	assert.JSONEq(t, `[["2024-01-08", 8, 1.5, "x"]]`,
		asJSON(t, task, "sql: 'SELECT %s::date + %s, %s + 1, %s, %s', parameters: ['2024-01-01', 7, 7, 1.5, x]"))
}

func TestValues(t *testing.T) {
	t.Parallel()
	for kind, tc := range map[string]struct{ query, want string }{
		"sqlite": {
			`CREATE TABLE t (d DATE, m TIMESTAMP, w DATETIME, b BOOLEAN, n NUMERIC);
			INSERT INTO t VALUES ('2024-01-02', '2024-01-02 03:04:05.5', '2024-01-02T09:00:00Z', 1, 1.25);
			SELECT d, m, w, b, n, NULL, 9007199254740993, 1e999, 1.0, x'00ff', 'ä', date(d) FROM t`,
			`[["2024-01-02", "2024-01-02 03:04:05.5", "2024-01-02T09:00:00Z", 1, 1.25, null, 9007199254740993, "inf", 1.0, "AP8=", "ä", "2024-01-02"]]`,
		},
		"postgres": {
			`SET TIME ZONE 'Asia/Shanghai'; SELECT DATE '2024-01-02', TIMESTAMP '2024-01-02 03:04:05.5', TIMESTAMPTZ '2024-01-02 11:04:05+08',
			true, 12.50::numeric, 'NaN'::numeric, 1.1::real, 1.0::real, 3::double precision, 1e300::double precision, '-Infinity'::double precision, NULL, 9007199254740993,
			'\x00ff'::bytea, 'ä', '{"a": [1.50]}'::jsonb, '3'::json, ARRAY[1,NULL,3], ARRAY['a,b','c'], ARRAY[true], ARRAY[[1,2]],
			'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid, INTERVAL '1 day 2 hours', TIME '03:04', 'infinity'::date, 5::smallint,
			'{"b": 1, "a": {"z": 1, "y": 2}}'::json, ARRAY['{"b": [1.50], "a": 1}'::json, NULL], ARRAY['\x00ff'::bytea],
			ARRAY[TIMESTAMPTZ '2024-01-02 11:04:05+08', NULL], ARRAY[TIMESTAMP '2024-01-02 03:04:05.25'], ARRAY[DATE '2024-01-02'],
			ARRAY[1.0::float8, 'NaN'], ARRAY[1.50::numeric, 'NaN'], ARRAY[[['a','b']],[['c',NULL]]], '{}'::int[], '[2:3]={1,2}'::int[]`,
			`[["2024-01-02", "2024-01-02 03:04:05.500000", "2024-01-02 03:04:05+00:00",
			true, 12.50, "NaN", 1.1, 1.0, 3.0, 1e300, "-inf", null, 9007199254740993,
			"AP8=", "ä", {"a": [1.50]}, 3, [1, null, 3], ["a,b", "c"], [true], [[1, 2]],
			"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "1 day 02:00:00", "03:04:00", "infinity", 5,
			{"b": 1, "a": {"z": 1, "y": 2}}, [{"b": [1.50], "a": 1}, null], ["AP8="],
			["2024-01-02 03:04:05+00:00", null], ["2024-01-02 03:04:05.250000"], ["2024-01-02"],
			[1.0, "nan"], [1.50, "NaN"], [[["a", "b"]], [["c", null]]], [], [1, 2]]]`,
		},
		"mysql": {
			`CREATE TABLE t (d DATE, m DATETIME(1), b BOOLEAN, n DECIMAL(5,2), f FLOAT, g DOUBLE, u BIGINT UNSIGNED, x VARBINARY(9),
				y BLOB, s VARCHAR(9) CHARACTER SET utf8mb4, l TEXT, j JSON, i BIT(9), e ENUM('a','b'), h TIME, z YEAR,
				k DOUBLE, o DATETIME(3), d0 DATE, m0 DATETIME, d1 DATE, u2 BIGINT UNSIGNED);
			SET sql_mode = '';
			INSERT INTO t VALUES ('2024-01-02', '2024-01-02 03:04:05.5', true, 12.50, 1.1, 1e300, 18446744073709551615, x'00ff',
				x'00ff', 'ä', 'ö', '[1]', b'100000001', 'b', '03:04', 2024,
				1, '2024-01-02 03:04:05', '0000-00-00', '0000-00-00', '2024-00-10', 7);
			SELECT *, NULL FROM t`,
			`[["2024-01-02", "2024-01-02 03:04:05.500000", 1, 12.50, 1.1, 1e300, 18446744073709551615, "AP8=",
				"AP8=", "ä", "ö", "[1]", 257, "b", "03:04:00", 2024,
				1.0, "2024-01-02 03:04:05", null, null, null, 7, null]]`,
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, servers()[kind])
			for _, parameters := range []string{"", "parameters: {unused: 1}"} { // MySQL has a format of its own for each
				query := tc.query
				if parameters != "" && kind != "postgres" {
					query = query[strings.LastIndex(query, "SELECT"):]
				}
				text, err := json.Marshal(query)
				require.NoError(t, err)
				got := asJSON(t, task, "sql: "+string(text)+", "+parameters)
				assert.Equal(t, compact(t, tc.want), got, "with the digits as they are")
			}
		})
	}
}

// The server writes a FLOAT with six digits where a statement has no parameters, which no client can change.
func TestFloatsOfMySQL(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newMySQL)
	asJSON(t, task, "sql: 'CREATE TABLE t (f FLOAT); INSERT INTO t VALUES (16777215)'")
	for fields, want := range map[string]string{
		"sql: SELECT f FROM t":                                     `[[16777200.0]]`,
		"sql: SELECT f * 1 FROM t":                                 `[[16777215.0]]`,
		"sql: 'SELECT f FROM t WHERE f > %s', parameters: [1]":     `[[16777215.0]]`,
		"sql: 'SELECT f * 1 FROM t WHERE f > %s', parameters: [1]": `[[16777215.0]]`,
	} {
		assert.JSONEq(t, want, asJSON(t, task, fields), fields)
	}
}

// Infinity of NUMERIC, which PostgreSQL has since version 14, is written as psycopg2 gives
// it (Decimal('Infinity'), beside the inf of a float), is a number to checks, and finds its
// way back. psycopg2 2.9.5 binds that Decimal as NaN.
func TestInfiniteNumerics(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newPostgres)
	for _, parameters := range []string{"[]", "[1]"} { // the server answers in another format with some
		where := map[string]string{"[]": "", "[1]": " WHERE 1 = %s"}[parameters]
		assert.Equal(t, `[["Infinity","-Infinity",["Infinity","-Infinity",1.50],"inf",["inf","-inf"]]]`,
			asJSON(t, task, "sql: \"SELECT 'Infinity'::numeric, '-inf'::numeric, ARRAY['Infinity', '-Infinity', 1.50]::numeric[], "+
				"'Infinity'::float8, ARRAY['Infinity', '-Infinity']::float8[]"+where+"\", parameters: "+parameters))
	}
	assert.Equal(t, `[["Infinity",true]]`, asJSON(t, task, "sql: 'SELECT %s::numeric, %s::numeric > 1', parameters: [Infinity, Infinity]"))
	for check, want := range map[string]string{
		"sql_check":           "",
		"sql_threshold_check": `"Infinity" is not between 1 and 2`,
		"sql_value_check":     `expected 1 with a tolerance of 50 %, the query gave ["Infinity"]`,
	} {
		more := map[string]string{"sql_threshold_check": ", min_threshold: 1, max_threshold: 2", "sql_value_check": ", pass_value: 1, tolerance: 0.5"}[check]
		_, err := execute(t, task, check, "{conn_id: warehouse, sql: \"SELECT 'Infinity'::numeric\""+more+"}")
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.ErrorContains(t, err, want)
	}
}

// What Python cannot read either is an error that says what to do.
func TestValuesOutOfRange(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newPostgres)
	for query, want := range map[string]string{
		"SELECT DATE '0044-03-15 BC' AS ides":          `column "ides": the date is in the year -43, but only 1 to 9999 can be read: cast it to text`,
		"SELECT ARRAY[DATE '0044-03-15 BC'] AS ides":   `column "ides": the date 0044-03-15 BC in an array cannot be read`,
		"SELECT TIMESTAMP '10000-01-01 00:00' AS late": `column "late": the timestamp is in the year 10000`,
	} {
		_, err := run(t, task, query)
		require.ErrorContains(t, err, want)
	}
	assert.Equal(t, `[["0044-03-15 BC"]]`, asJSON(t, task, "sql: SELECT (DATE '0044-03-15 BC')::text"))
}

// A moment that was read from a row finds that row again.
func TestSQLiteKeepsStoredText(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newSQLite)
	_, err := run(t, task, "CREATE TABLE t (at DATETIME); INSERT INTO t VALUES ('2024-01-02T09:00:00Z')")
	require.NoError(t, err)
	assert.Equal(t, `[["2024-01-02T09:00:00Z"]]`, asJSON(t, task, "sql: SELECT max(at) FROM t WHERE at >= :w, parameters: {w: '2024-01-02T09:00:00Z'}"))
	assert.Equal(t, `[["2024-01-02T09:00:00Z"]]`, asJSON(t, task, "sql: SELECT at FROM t WHERE at >= :w, parameters: {w: '2024-01-02T09:00:00Z'}"))
	assert.Equal(t, `[["2024-01-02T09:00:00Z"]]`, asJSON(t, task, "sql: UPDATE t SET at = at RETURNING at"))
}

// Numbers keep all their digits on their way into the database; the types are those of the
// same literals, as the Python drivers write them.
func TestNumbersAreBoundWithAllDigits(t *testing.T) {
	t.Parallel()
	const numbers = "18446744073709551615, 123456789012345678901234567890, 12345678901234567890.12, 4758.00, 1.5, 9007199254740993"
	for kind, want := range map[string]string{
		"postgres": "[[18446744073709551615,123456789012345678901234567890,12345678901234567890.12,4758,1.5,9007199254740993]]",
		"mysql":    "[[18446744073709551615,123456789012345678901234567890,12345678901234567890.12,4758.0,1.5,9007199254740993]]",
	} {
		task := taskOn(t, servers()[kind])
		assert.Equal(t, want, asJSON(t, task, "sql: 'SELECT %s, %s, %s, %s, %s, %s', parameters: '["+numbers+"]'"), kind)
	}
	task := taskOn(t, newMySQL)
	assert.Equal(t, "[[1]]", asJSON(t, task, "sql: 'SELECT 1 FROM DUAL WHERE 18446744073709551615 IN %s', parameters: '[[1, 18446744073709551615]]'"))
	task = taskOn(t, newPostgres)
	assert.Equal(t, "[[1]]", asJSON(t, task, "sql: 'SELECT 1 WHERE 123456789012345678901234567890 = ANY(%s)', parameters: '[[1, 123456789012345678901234567890]]'"))
	task = taskOn(t, newSQLite)
	assert.Equal(t, `[[1.5,9007199254740993,"real"]]`, asJSON(t, task, "sql: 'SELECT ?, ?, typeof(?)', parameters: '[1.5, 9007199254740993, 2.0]'"))
	_, err := execute(t, task, "sql", "{conn_id: warehouse, sql: 'SELECT ?', parameters: '[18446744073709551615]'}")
	require.ErrorContains(t, err, "parameter number 1: SQLite cannot hold all digits of the number 18446744073709551615: bind it as text")
}

// Dates are bound as they are written.
func TestDatesAreBound(t *testing.T) {
	t.Parallel()
	for kind, sql := range map[string]string{"sqlite": "SELECT ?, ?", "mysql": "SELECT %s, %s", "postgres": "SELECT %s, %s"} {
		task := taskOn(t, servers()[kind])
		assert.Equal(t, `[["2024-01-02","2024-01-02 03:04:05.5"]]`,
			asJSON(t, task, "sql: '"+sql+"', parameters: [2024-01-02, 2024-01-02 03:04:05.5]"), kind)
	}
}

// compact takes the space out of JSON and keeps its numbers as they stand.
func compact(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(json.RawMessage(text))
	require.NoError(t, err)
	return strings.ReplaceAll(string(encoded), "1e300", "1e+300")
}

func TestLargeResultFailsAndRollsBack(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			_, err := run(t, task, "CREATE TABLE t (a INTEGER)")
			require.NoError(t, err)
			const many = "WITH d AS (SELECT '%s' AS x UNION ALL SELECT '' UNION ALL SELECT '' UNION ALL SELECT '' UNION ALL SELECT '' UNION ALL " +
				"SELECT '') SELECT a.x FROM d a, d b, d c, d d, d e, d f ORDER BY 1 DESC LIMIT %d"
			for _, query := range []string{fmt.Sprintf(many, "", 10001), fmt.Sprintf(many, strings.Repeat("x", 60000), 20)} {
				_, err = run(t, task, "INSERT INTO t VALUES (1); "+query)
				require.ErrorContains(t, err, "more than 10000 rows or 1048576 bytes as JSON: select less")
			}
			_, err = execute(t, task, "sql", "{conn_id: warehouse, sql: [INSERT INTO t VALUES (1)"+
				strings.Repeat(", \"SELECT '"+strings.Repeat("x", 60000)+"'\"", 20)+"]}")
			require.ErrorContains(t, err, "the result has more than", "all results together")
			assert.Equal(t, "[[0]]", asJSON(t, task, "sql: SELECT count(*) FROM t"))
			assert.Equal(t, "[[1]]", asJSON(t, task, fmt.Sprintf("sql: \"%s; SELECT 1\"", fmt.Sprintf(many, "", 10001))),
				"what is not the result may be large")
		})
	}
}

func TestShowReturnValueInLogs(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newSQLite)
	asJSON(t, task, "sql: SELECT 4711 - 1")
	assert.NotContains(t, task.LogText(), "4710")
	asJSON(t, task, "sql: SELECT 4711 - 1, show_return_value_in_logs: true")
	assert.Contains(t, task.LogText(), "[[4710]]")
}

func TestWrongConnections(t *testing.T) {
	t.Parallel()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(closed.Addr().String())
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		kind, extra string
		want        string
	}{
		"other type":             {"mssql", "", `connection "warehouse" has the type "mssql": SQL tasks work with postgres, mysql and sqlite`},
		"extra is no object":     {"postgres", "[1]", "extra: not a JSON object"},
		"unknown extra":          {"postgres", `{"iam": true, "b": 1}`, `extra: "b", "iam" not supported here`},
		"wrong timeout":          {"mysql", `{"connect_timeout": "soon"}`, `"connect_timeout" must be a number of seconds`},
		"wrong shape":            {"mysql", `{"charset": {}}`, `"charset" must be text`},
		"character set":          {"mysql", `{"charset": "gbk"}`, `the only values of "charset"`},
		"ssl_mode":               {"mysql", `{"ssl_mode": "VERIFY_CA"}`, `the values of "ssl_mode" are`},
		"ssl":                    {"mysql", `{"ssl": {"cipher": "x"}}`, `"ssl" takes the file names ca, cert and key`},
		"missing authorities":    {"mysql", `{"ssl": "{\"ca\": \"/no/such/file\"}"}`, "read the authorities"},
		"sslmode":                {"postgres", `{"sslmode": "some"}`, "read the settings"},
		"nobody listens":         {"postgres", `{"sslmode": "disable"}`, "connect to the postgres database of connection"},
		"nobody listens either":  {"mysql", "", "connect to the mysql database of connection"},
		"unknown extra of files": {"sqlite", `{"vfs": "x"}`, `"vfs" not supported`},
		"no such file":           {"sqlite", `{"mode": "ro"}`, "connect to the sqlite database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := operatortest.NewTask(t)
			conn := &connections.Connection{
				ID: "warehouse", Type: tc.kind, Host: new("127.0.0.1"), Port: new(number), Login: new("u"),
				Password: new(connections.Secret(password)),
			}
			if tc.kind == "sqlite" {
				conn.Host = new(filepath.Join(t.TempDir(), "none.db"))
			}
			if tc.extra != "" {
				conn.Extra = new(connections.Secret(tc.extra))
			}
			task.Conns["warehouse"] = conn
			_, err := run(t, task, "SELECT 1")
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error()+task.LogText(), password)
		})
	}
}

func TestWrongPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, servers()[kind])
			task.Conns["warehouse"].Login = new("dingdag_nobody")
			task.Conns["warehouse"].Password = new(connections.Secret(password))
			_, err := run(t, task, "SELECT 1")
			require.ErrorContains(t, err, "dingdag_nobody")
			assert.NotContains(t, err.Error()+task.LogText(), password)
		})
	}
}

func TestParameterDatabase(t *testing.T) {
	t.Parallel()
	for kind, query := range map[string]string{"postgres": "SELECT current_database()", "mysql": "SELECT database()"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, servers()[kind])
			name := task.Conns["warehouse"].GetSchema()
			task.Conns["warehouse"].Schema = new("dingdag_no_such_database")
			assert.JSONEq(t, `[["`+name+`"]]`, asJSON(t, task, "sql: "+query+", database: "+name))
		})
	}
	_, err := execute(t, taskOn(t, newSQLite), "sql", "{conn_id: warehouse, sql: SELECT 1, database: x}")
	require.ErrorContains(t, err, "the parameter database does not apply to sqlite")
}

func TestStopEndsTheQueryOnTheServer(t *testing.T) {
	t.Parallel()
	for kind, tc := range map[string]struct{ sleep, running string }{
		"postgres": {"SELECT pg_sleep(120)", "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%pg_sleep%%' AND query LIKE %s"},
		"mysql":    {"SELECT SLEEP(120)", "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%%SLEEP%%' AND info LIKE %s"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, servers()[kind])
			mark := databaseName()
			running := func() string {
				return asJSON(t, task, "sql: \""+tc.running+" AND 1 = 1\", parameters: ['%/* "+mark+" */']")
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			op := operatortest.Decode(t, spec(t, "sql"), "{conn_id: warehouse, sql: '"+tc.sleep+" /* "+mark+" */'}")
			done := make(chan error, 1)
			go func() {
				_, err := op.Execute(ctx, task.TaskContext)
				done <- err
			}()
			require.Eventually(t, func() bool { return running() == "[[1]]" }, waitFor, tick)
			cancel(operator.ErrTimeout)
			err := <-done
			assert.Equal(t, operator.Timeout, operator.Classify(ctx, err).Kind)
			require.ErrorIs(t, err, operator.ErrTimeout)
			assert.NotContains(t, task.LogText(), "level=WARN")
			require.Eventually(t, func() bool { return running() == "[[0]]" }, waitFor, tick)
		})
	}
}

func TestServersDoNotWaitForFiles(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ kind, text, want string }{
		"copy in":    {"postgres", "CREATE TABLE t (a TEXT); COPY t FROM STDIN", "COPY cannot read or write here"},
		"copy out":   {"postgres", "copy (SELECT 1) TO stdout", "COPY cannot read or write here"},
		"local file": {"mysql", "CREATE TABLE t (a TEXT); LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t", "local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, taskOn(t, servers()[tc.kind]), tc.text)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestMySQLRoutines(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newMySQL)
	for _, apart := range []string{"false", "true"} {
		assert.Equal(t, "[[3]]", asJSON(t, task, `split_statements: `+apart+`, sql: "DROP PROCEDURE IF EXISTS p;
			CREATE PROCEDURE p(n INT) BEGIN IF n > 1 THEN SELECT 1; END IF; SELECT n; END;
			CALL p(3)"`), "the last result of the last statement")
	}
}

func TestSQLiteTriggers(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "[[1]]", asJSON(t, taskOn(t, newSQLite), `sql: "CREATE TABLE t (a); CREATE TABLE log (a);
		CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); DELETE FROM t; END;
		INSERT INTO t VALUES (1); SELECT a FROM log"`))
}

func TestSQLiteOutsideOfTransactions(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newSQLite)
	_, err := run(t, task, "VACUUM")
	require.ErrorContains(t, err, "VACUUM")
	assert.Equal(t, "null", asJSON(t, task, "sql: VACUUM, autocommit: true"))
}

func TestSQLitePlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.db")
	for name, conn := range map[string]*connections.Connection{
		"host":   {ID: "warehouse", Type: "sqlite", Host: &file},
		"schema": {ID: "warehouse", Type: "sqlite", Schema: &file},
		"memory": {ID: "warehouse", Type: "sqlite"},
	} {
		task := operatortest.NewTask(t)
		task.Conns["warehouse"] = conn
		assert.Equal(t, "null", asJSON(t, task, "sql: CREATE TABLE IF NOT EXISTS t (a)"), name)
	}
	db, err := dbsql.Open("sqlite", file)
	require.NoError(t, err)
	defer db.Close()
	var tables int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema").Scan(&tables))
	assert.Equal(t, 1, tables)
}
