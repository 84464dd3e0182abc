// Package connections serves the calls about connections.
package connections

import (
	"context"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/keyed"
)

// Tester finds out whether a connection works, and says so in words.
type Tester func(ctx context.Context, c *connections.Connection) (works bool, message string)

// calls are what the calls ask.
type calls struct {
	vault func(ctx context.Context) *vault.Keeper
	test  Tester
}

// Routes adds the calls. as is the vault for whoever asks. Only who may configure sees and changes connections. A nil
// test refuses to test any.
func Routes(s *rest.Server, as func(context.Context) *vault.Keeper, test Tester) {
	c := &calls{as, test}
	k := &keyed.Kind[Connection, ConnectionBody, ConnectionBody, *vault.Changes]{
		One: "connection", Many: "connections", Tag: "Connection", Read: access.Configure, Secret: []string{"password", "extra"},
		All: "/connections", Path: "/connections/{connection_id}", Keys: "connections with these connection_ids",
		Key: func(b *ConnectionBody) string { return b.ConnectionID },
		Get: c.get,
		Change: func(ctx context.Context, fn func(*vault.Changes) error) error {
			return c.vault(ctx).Change(ctx, fn)
		},
		Has: func(ctx context.Context, ch *vault.Changes, id string) (bool, error) {
			return ch.HasConnection(ctx, id)
		},
		Add: add, Update: update,
		Delete: func(ctx context.Context, ch *vault.Changes, id string) error { return ch.DeleteConnection(ctx, id) },
		Patch:  c.patch,
	}
	keyed.Routes(s, k, c.list)
	op := func(id, path string, status int) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodPost, Path: k.All + path, Tag: k.Tag, Status: status, Action: access.Configure, Secret: k.Secret}
	}
	rest.Register(s, op("test_connection", "/test", 0), c.check)
	rest.Register(s, op("create_default_connections", "/defaults", http.StatusNoContent), c.defaults)
}

// Connection is a connection as it is answered.
type Connection struct {
	ConnectionID string  `json:"connection_id"`
	ConnType     string  `json:"conn_type"`
	Description  *string `json:"description"`
	Host         *string `json:"host"`
	Login        *string `json:"login"`
	Schema       *string `json:"schema"`
	Port         *int    `json:"port"`
	Password     *string `json:"password"`
	Extra        *string `json:"extra"`
	TeamName     *string `json:"team_name"`
}

// answer shows what is in a connection, which has *** in place of its secrets.
func answer(c *connections.Connection) Connection {
	return Connection{
		ConnectionID: c.ID, ConnType: c.Type, Description: c.Description, Host: c.Host, Login: c.Login, Schema: c.Schema, Port: c.Port,
		Password: (*string)(c.Password), Extra: (*string)(c.Extra),
	}
}

// ConnectionCollection is a page of connections.
type ConnectionCollection struct {
	Connections  []Connection `json:"connections"`
	TotalEntries int          `json:"total_entries"`
}

// keys are what connections are ordered by. They have no ids but their names.
var keys = map[string]func(Connection) any{ //nolint:gochecknoglobals // a table
	"connection_id": byID, "conn_id": byID, "id": byID, "conn_type": func(c Connection) any { return c.ConnType },
	"description": func(c Connection) any { return rest.Nullable(c.Description) }, "host": func(c Connection) any { return rest.Nullable(c.Host) },
	"port": func(c Connection) any { return rest.Nullable(c.Port) }, "team_name": func(Connection) any { return nil },
}

func byID(c Connection) any { return c.ConnectionID }

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page

	IDPattern rest.Pattern `query:"connection_id_pattern"`
	Order     rest.Order   `query:"order_by" order:"connection_id,conn_id,conn_type,description,host,port,id,team_name" default:"id"`
},
) (*ConnectionCollection, error) {
	all, err := c.vault(ctx).Connections(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]Connection, len(all))
	for i, n := range all {
		found[i] = answer(n)
	}
	page, n := rest.Find(found, func(v Connection) string { return v.ConnectionID }, in.IDPattern, in.Order, keys, in.Page)
	return &ConnectionCollection{page, n}, nil
}

func (c *calls) get(ctx context.Context, id string) (Connection, error) {
	n, err := c.vault(ctx).Connection(ctx, id)
	if err != nil {
		return Connection{}, err
	}
	return answer(n), nil
}

// ConnectionBody is a connection as it is sent.
type ConnectionBody struct {
	Sent rest.Sent `json:"-"`

	ConnectionID string  `json:"connection_id" required:"true" maxLength:"200" pattern:"^[\\pL\\pN_.-]+$"`
	ConnType     string  `json:"conn_type" required:"true"`
	Description  *string `json:"description"`
	Host         *string `json:"host"`
	Login        *string `json:"login"`
	Schema       *string `json:"schema"`
	Port         *int    `json:"port"`
	Password     *string `json:"password"`
	Extra        *string `json:"extra"`
	TeamName     *string `json:"team_name" maxLength:"50"`
}

// into writes into a connection what a body changes of it by a mask.
func (b *ConnectionBody) into(c *connections.Connection, m rest.Mask) {
	for field, set := range map[string]func(){
		"conn_type":   func() { c.Type = b.ConnType },
		"description": func() { c.Description = b.Description },
		"host":        func() { c.Host = b.Host },
		"login":       func() { c.Login = b.Login },
		"schema":      func() { c.Schema = b.Schema },
		"port":        func() { c.Port = b.Port },
		"password":    func() { c.Password = secret(b.Password, nil) },
		"extra":       func() { c.Extra = secret(b.Extra, new(connections.Secret("{}"))) },
	} {
		if m.Applies(b.Sent, field) {
			set()
		}
	}
}

// secret is a text of a body, with what stands for an empty one.
func secret(text *string, empty *connections.Secret) *connections.Secret {
	switch {
	case text == nil:
		return nil
	case *text == "":
		return empty
	default:
		return new(connections.Secret(*text))
	}
}

// connection is a new one.
func (b *ConnectionBody) connection() (*connections.Connection, error) {
	c := &connections.Connection{ID: b.ConnectionID}
	b.into(c, nil)
	return c, b.noTeam(nil)
}

func (b *ConnectionBody) noTeam(m rest.Mask) error { return keyed.NoTeam(b.TeamName, b.Sent, m) }

func add(ctx context.Context, ch *vault.Changes, b *ConnectionBody, overwrite bool) error {
	n, err := b.connection()
	if err != nil {
		return err
	}
	err = ch.AddConnection(ctx, n, overwrite)
	if e, ok := errors.AsType[*vault.ExistsError](err); ok {
		return rest.Duplicate("%v", e)
	}
	return err
}

func update(ctx context.Context, ch *vault.Changes, b *ConnectionBody, m rest.Mask) error {
	if err := b.noTeam(m); err != nil {
		return err
	}
	return ch.EditConnection(ctx, b.ConnectionID, func(n *connections.Connection) { b.into(n, m) })
}

func (c *calls) patch(ctx context.Context, id string, b *ConnectionBody, m rest.Mask) error {
	if b.ConnectionID != id {
		return rest.BadRequest("The connection_id in the request body does not match the URL parameter")
	}
	return c.vault(ctx).Change(ctx, func(ch *vault.Changes) error { return update(ctx, ch, b, m) })
}

// ConnectionTestResponse is what came of a test.
type ConnectionTestResponse struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

// check tests a connection that is sent. *** stands for a secret of the stored one.
func (c *calls) check(ctx context.Context, in *struct{ Body ConnectionBody }) (*ConnectionTestResponse, error) {
	if c.test == nil {
		return nil, rest.Errorf(http.StatusForbidden, "Testing connections is disabled in the configuration: the setting test_connection enables it")
	}
	n, err := in.Body.connection()
	if err != nil {
		return nil, err
	}
	if n, err = c.vault(ctx).Whole(ctx, n); err != nil {
		return nil, err
	}
	if err := n.Validate(); err != nil {
		return nil, rest.BadRequest("%v", connections.About("connection", n.ID, err))
	}
	works, message := c.test(ctx, n)
	return &ConnectionTestResponse{works, message}, nil
}

// defaults adds none: Airflow's are of services that are not here.
func (*calls) defaults(context.Context, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // no body
