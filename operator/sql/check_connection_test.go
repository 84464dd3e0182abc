package sql_test

import (
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/sql"
)

func check(t *testing.T, c *connections.Connection) (sql.Server, error) {
	t.Helper()
	task := operatortest.NewTask(t)
	task.Conns[c.ID] = c
	return sql.Check(t.Context(), task.Connections, c.ID)
}

// Each kind of database tells its version, and what is wrong has a remedy.
func TestCheckOfAConnection(t *testing.T) {
	t.Parallel()
	for name, open := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t)
			if name == "sqlite" {
				_, err := check(t, c)
				ce := checkError(t, err)
				assert.ErrorContains(t, ce, "there is no file")
				assert.NoFileExists(t, c.GetHost(), "it is not made")
				require.NoError(t, os.WriteFile(c.GetHost(), nil, 0o600))
			}
			s, err := check(t, c)
			require.NoError(t, err)
			assert.Regexp(t, `^\d+\.\d+`, s.Version)
			assert.Contains(t, map[string][]string{"sqlite": {"SQLite"}, "postgres": {"PostgreSQL"}, "mysql": {"MySQL", "MariaDB"}}[name], s.Product)
			if name == "sqlite" {
				assert.Equal(t, c.GetHost(), s.Database)
				require.NoError(t, os.WriteFile(c.GetHost(), []byte("this is text and no database, as anybody who reads it can see at once: 0123456789"), 0o600))
				_, err := check(t, c)
				assert.Equal(t, "the file is not a SQLite database, or it is encrypted: check the path", checkError(t, err).Remedy)
				return
			}
			assert.Equal(t, c.GetSchema(), s.Database)
			assert.NotEmpty(t, s.User)

			wrong := *c
			wrong.Schema = new("dingdag_there_is_none")
			_, err = check(t, &wrong)
			assert.Equal(t, "check the connection's schema, which is the name of the database", checkError(t, err).Remedy)

			wrong = *c
			wrong.Login, wrong.Password = new("dingdag_nobody"), new(connections.Secret(password))
			_, err = check(t, &wrong)
			ce := checkError(t, err)
			assert.Contains(t, ce.Remedy, "login")
			assert.NotContains(t, ce.Error(), password)

			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			_, port, err := net.SplitHostPort(listener.Addr().String())
			require.NoError(t, err)
			require.NoError(t, listener.Close())
			n, err := strconv.Atoi(port)
			require.NoError(t, err)
			wrong = *c
			wrong.Host, wrong.Port = new("127.0.0.1"), new(n)
			_, err = check(t, &wrong)
			assert.Equal(t, "check the connection's host and port, and the network", checkError(t, err).Remedy)
		})
	}
}

func checkError(t *testing.T, err error) *sql.CheckError {
	t.Helper()
	var ce *sql.CheckError
	require.ErrorAs(t, err, &ce)
	return ce
}

func TestCheckInMemory(t *testing.T) {
	t.Parallel()
	s, err := check(t, &connections.Connection{ID: "m", Type: "sqlite"})
	require.NoError(t, err)
	assert.Empty(t, s.Database)
	_, err = check(t, &connections.Connection{ID: "m", Type: "oracle"})
	require.ErrorContains(t, err, "SQL tasks work with postgres, mysql and sqlite")
}
