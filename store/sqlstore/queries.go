// Package sqlstore holds what the durable stores share: the SQL of every table over a
// small connection, so that each database brings only its driver, its
// migrations and its River client.
package sqlstore

import (
	"github.com/dingdag/dingdag/store/sqlstore/sqlchat"
	"github.com/dingdag/dingdag/store/sqlstore/sqllog"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
	"github.com/dingdag/dingdag/store/sqlstore/sqlusers"
)

// They have names of their own beside other Queries.
type (
	chatQueries = sqlchat.Queries
	logQueries  = sqllog.Queries
)

// Queries reads and writes the tables over one connection.
type Queries struct {
	chatQueries
	logQueries
	sqlusers.Queries

	c    sqlrow.Conn
	node string
	// refs are those of the changes that were written over the connection.
	refs *[]string
}

// New returns the queries over c for the process that goes by the name node.
func New(c sqlrow.Conn, node string) Queries {
	return Queries{sqlchat.New(c, node), sqllog.New(c), sqlusers.New(c), c, node, new([]string)}
}
