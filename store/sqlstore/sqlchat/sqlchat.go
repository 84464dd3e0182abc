// Package sqlchat has the SQL of what the chat needs: messages and presses that came in, cards,
// questions to people, and which conversations are told of which DAGs.
package sqlchat

import "github.com/dingdag/dingdag/store/sqlstore/sqlrow"

// Queries reads and writes the tables of the chat over one connection.
type Queries struct {
	c    sqlrow.Conn
	node string
}

// New returns the queries over c for the process that goes by the name node.
func New(c sqlrow.Conn, node string) Queries { return Queries{c: c, node: node} }
