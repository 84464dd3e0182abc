// Package connections holds what a task needs to reach an outside system: the
// [Connection], its text forms (Airflow's URI and JSON), the places it is looked
// up in ([Source]) and the [Secret] type that keeps credentials out of output.
package connections

import (
	"context"
	"errors"
)

// ErrNotFound says that no source knows the id that was asked for. Test for it
// with [errors.Is]; the error that wraps it names the id.
var ErrNotFound = errors.New("not found")

// Connection is one Airflow connection. A nil field is Airflow's null, which is
// not the same as an empty string: both survive a round trip through the text
// forms, except an empty password, which is read as null as Airflow does.
type Connection struct {
	// ID names the connection, for instance "dingding_default".
	ID string
	// Type is the connection type, for instance "dingding". Underscores, never dashes.
	Type string
	// Description is free text for people.
	Description *string
	// Host is a host name or a base URL, without a port.
	Host *string
	// Login is the user name or, for a DingTalk application, the AppKey.
	Login *string
	// Password is the credential. For a DingTalk robot it is the access token.
	Password *Secret
	// Schema is the database name or, for HTTP connections, the URL scheme.
	Schema *string
	// Port is the TCP port.
	Port *int
	// Extra is a JSON object as text. It may hold credentials.
	Extra *Secret
}

// Source finds connections by id. Implementations are safe for concurrent use.
type Source interface {
	// Connection returns the connection with the given id, or an error that
	// wraps [ErrNotFound]. The caller must not change what it gets.
	Connection(ctx context.Context, id string) (*Connection, error)
}

// VariableSource finds variables by key. Implementations are safe for concurrent use.
type VariableSource interface {
	// Variable returns the text of a variable, or an error that wraps [ErrNotFound].
	Variable(ctx context.Context, key string) (string, error)
}
