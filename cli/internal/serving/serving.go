// Package serving puts together what people and programs use over HTTP once they have signed in.
package serving

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/api/notes"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/credentials"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages"
	"github.com/dingdag/dingdag/web/pages/live"
	"github.com/dingdag/dingdag/web/signin"
)

const (
	// mostStreams is how many pages may follow something at once.
	mostStreams = 1000
	// testTime is how long the test of a connection may take: an answer over HTTP is cut off at 30 s.
	testTime = 20 * time.Second
	// paceOfPages is how often one of them is told of changes at most.
	paceOfPages = time.Second
)

// NewHub makes what tells pages that are open of changes.
func NewHub() *live.Hub { return live.New(mostStreams, paceOfPages) }

// Tester tests connections that programs send; nil unless the setting test_connection enables it.
func Tester(a *app.App) func(ctx context.Context, c *connections.Connection) (works bool, message string) {
	if a.Settings.TestConnection != "enabled" {
		return nil
	}
	return func(ctx context.Context, c *connections.Connection) (bool, string) {
		ctx, cancel := context.WithTimeoutCause(ctx, testTime, fmt.Errorf("no answer within %s", testTime))
		defer cancel()
		return credentials.TestGiven(ctx, a, c)
	}
}

// Telling tells a hub of what an engine changes, and then calls tell.
func Telling(hub *live.Hub, tell func(engine.Update)) func(engine.Update) {
	return func(u engine.Update) {
		tell(u)
		if u.Delivery != nil {
			hub.Changed(live.Topic{}) // every page may show what was told
			return
		}
		hub.Changed(live.Topic{DAGID: u.Run.DAGID, RunID: u.Run.RunID})
	}
}

// Site is what somebody who signs in sees.
type Site struct {
	Gate  *signin.Gate
	Pages *pages.Pages

	// Elsewhere says that people can sign in without being users yet.
	Elsewhere bool
	accounts  *accounts.Accounts
}

// New returns the site of a home folder whose store is open. now is how things are.
// failed, when it is not nil, is told of each sign-in that fails.
func New(ctx context.Context, a *app.App, s home.Store, hub *live.Hub, now func(context.Context) *health.Health, version string, failed func(error)) (*Site, error) {
	people := accounts.New(accounts.Options{Store: s, Clock: a.Clock, Log: a.Log()})
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	elsewhere, err := places(ctx, a, conns)
	if err != nil {
		return nil, err
	}
	var ps *pages.Pages
	gate, err := signin.New(signin.Options{Styles: func() signin.Styles {
		return signin.Styles{Light: ps.Style("app.css"), Dark: ps.Style("dark.css"), Icon: ps.Style("icon.svg")}
	}, Accounts: people, Places: elsewhere, Base: a.Settings.BaseURL, Failed: failed, Mask: a.Mask, Clock: a.Clock, Log: a.Log()})
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(cmp.Or(a.Settings.Timezone, a.Settings.DefaultTimezone))
	if err != nil {
		return nil, fmt.Errorf("setting timezone: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	shapes, keep := &overview.Shapes{}, a.Vault(s)
	path := a.BasePath()
	ps, err = pages.New(pages.Options{ //nolint:contextcheck // each page has the context of its request
		Guard:    guard{gate, path},
		Base:     path,
		Overview: func(ctx context.Context) *overview.Overview { return a.OverviewOn(s, actor(ctx), shapes) },
		Bindings: func(ctx context.Context) pages.Bindings { return bindings.New(s, actor(ctx), a.Clock) },
		Asks:     func(ctx context.Context) *asks.Asks { return a.AsksOn(s).By(actor(ctx)) },
		Browse:   a.Browser(s, nil),
		Emitter: func(ctx context.Context) (*emit.Emitter, error) {
			m, err := a.Emitter(ctx)
			if err != nil {
				return nil, err
			}
			m.By = actor(ctx)
			return m, nil
		},
		Notes: func(ctx context.Context) *notes.Notes {
			return notes.New(notes.Options{Store: s, By: actor(ctx), Clock: a.Clock})
		},
		Vault: func(ctx context.Context) *vault.Keeper { return keep.By(actor(ctx)) },
		TestConnection: func(ctx context.Context, id string) (bool, string) {
			ctx, cancel := context.WithTimeoutCause(ctx, testTime, fmt.Errorf("no answer within %s", testTime))
			defer cancel()
			return credentials.Test(ctx, a, id)
		},
		Nodes: func(ctx context.Context, since time.Time) ([]nodes.Node, error) {
			return nodes.List(ctx, s, since)
		},
		Drain: func(ctx context.Context, id string, on bool) error {
			_, err := nodes.Drain(ctx, s, id, on, actor(ctx), a.Clock())
			return err
		},
		Inbox: a.Inbox(s), Accounts: people, By: actor,
		Files: func(context.Context) *files.Files { return a.FilesOn(s) },
		Host:  host, Workers: a.Settings.Workers, DAGsFolder: a.Settings.DAGsFolder,
		Health: now, Zone: zone, Changes: hub, Version: version, Mask: a.Mask, Clock: a.Clock, Log: a.Log(),
	})
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	return &Site{Gate: gate, Pages: ps, Elsewhere: len(elsewhere) > 0, accounts: people}, nil
}

// HasUsers reports whether somebody can sign in.
func (s *Site) HasUsers(ctx context.Context) (bool, error) { return s.accounts.HasUsers(ctx) }

// SetUp is the address of the page on which the first user is made, once. It is empty when there are users.
func (s *Site) SetUp(ctx context.Context, base string) (string, error) {
	some, err := s.HasUsers(ctx)
	if err != nil || some {
		return "", err
	}
	return base + s.Gate.OfferSetUp(), nil
}

// actor is who asks, for the audit log.
func actor(ctx context.Context) store.Actor {
	i, _ := access.From(ctx)
	return store.Actor{Name: i.User, Via: store.ViaUI, Address: i.Address}
}

// guard lets those into the pages whom a gate knows.
type guard struct {
	gate *signin.Gate
	path string // before that of each link
}

// Enter implements [pages.Guard].
func (g guard) Enter(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	known := false
	g.gate.Required(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { known = true })).ServeHTTP(w, r)
	return r, known
}

// Token implements it.
func (guard) Token(r *http.Request) string { return signin.FormToken(r.Context()) }

// Genuine implements it. The gate has compared the token of a form that came with a session; a token or a password in
// a header is nothing that a browser adds to the form of another site.
func (guard) Genuine(r *http.Request) bool {
	_, ok := access.From(r.Context())
	return ok
}

// Visitor implements it.
func (g guard) Visitor(ctx context.Context) pages.Visitor {
	i, _ := access.From(ctx)
	v := pages.Visitor{Name: i.User, Configures: i.May(access.Configure, nil)}
	if i.Name != "" {
		v.Name = i.Name
	}
	if signin.FormToken(ctx) != "" { // a token or a password ends with its request
		v.SignOut = g.path + "/auth/logout"
	}
	may := func(a access.Action) func(string, []string, []string) bool {
		return func(id string, tags, owners []string) bool {
			return i.May(a, &access.DAG{ID: id, Tags: tags, Owners: owners})
		}
	}
	if i.Role < access.Viewer || !i.DAGs.All() {
		v.Sees = may(access.Read)
	}
	if i.Role < access.Operator || !i.DAGs.All() {
		v.Operates = may(access.Operate)
	}
	return v
}
