package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/database"
	"github.com/dingdag/dingdag/tasklog/folder"
	"github.com/dingdag/dingdag/tasklog/live"
	"github.com/dingdag/dingdag/tasklog/spool"
)

// logs are how task logs are reached. What a process makes of it is shared by its guests.
type logs struct {
	mu     sync.Mutex    // over what follows: pages ask for logs at the same time
	store  tasklog.Store // a folder or that of a URL; made once
	opened bool
	err    error
	nodes  *live.Client // asks other machines; made once

	spool *spool.Spool  // set before others look
	own   func() string // the name of this process among those that share the store
}

func (l *logs) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.nodes != nil {
		err = l.nodes.Close()
	}
	if l.store != nil {
		err = errors.Join(err, l.store.Close())
	}
	return err
}

// LogStore is the log store of the settings, nil for none, on a store that may be nil while there is none. It is closed with the App.
func (a *App) LogStore(s store.Store) (tasklog.Store, error) {
	text := a.Settings.LogStore
	kind, query, _ := strings.Cut(text, "?")
	if kind == "database" {
		most, err := databaseBound(query)
		if err != nil || s == nil {
			return nil, err
		}
		return database.New(s, most), nil
	}
	l := a.logs
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.opened {
		l.opened = true
		l.store, l.err = a.openLogStore(text)
	}
	return l.store, l.err
}

// databaseBound is how many bytes of a log the database keeps, from the query behind log_store: database.
func databaseBound(query string) (int64, error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return 0, fmt.Errorf("log_store: %q: write database?max_mib=8", query)
	}
	const most = 1 << 10
	for key, values := range q {
		n, err := strconv.Atoi(values[0])
		if key != "max_mib" || err != nil || n < 1 || n > most {
			return 0, fmt.Errorf("log_store: database?%s: write database?max_mib=N with N from 1 to %d", query, most)
		}
		return int64(n) << 20, nil
	}
	return 0, nil
}

func (a *App) openLogStore(text string) (tasklog.Store, error) {
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case text == "":
		return nil, nil //nolint:nilnil // no log store is no error
	case isURL && scheme == "file":
		text = rest
	case isURL:
		open, ok := a.parts.LogStores[scheme]
		if !ok {
			return nil, fmt.Errorf("log_store: this program keeps no logs in %s://: %s", scheme, others(a.parts.LogStores, scheme))
		}
		key := a.Settings.LogStoreKey
		_, secret, _ := strings.Cut(key, ":")
		a.Masker().Add(secret)
		s, err := open(text, key)
		if err != nil {
			return nil, fmt.Errorf("log_store: %w", err)
		}
		return s, nil
	}
	if !filepath.IsAbs(text) {
		return nil, fmt.Errorf("log_store: %q: write the whole path of a folder that all machines share, database, or s3://BUCKET/PREFIX", text)
	}
	return folder.New(text), nil
}

// others says what to do about a scheme that the program does not know.
func others(known map[string]func(string, string) (tasklog.Store, error), scheme string) string {
	if scheme == "s3" {
		return "dingdag-s3, which make s3 builds, does"
	}
	may := []string{"file"}
	for name := range known {
		may = append(may, name)
	}
	slices.Sort(may)
	return "it knows " + strings.Join(may, ", ") + ", and database"
}

// CleanedLogs is the log store for whoever removes old history, nil for none.
func (a *App) CleanedLogs(s store.Store) (history.LogStore, error) {
	l, err := a.LogStore(s)
	if l == nil || err != nil {
		return nil, err
	}
	return l, nil
}

// OpenSpool opens the journal of the log folder, from which task logs go into the log store, for a process that runs tasks;
// nil where there is no log store. Its logs are read before they are in the store from then on. Who opens it runs it and closes it.
func (a *App) OpenSpool(s store.Store, grace time.Duration) (*spool.Spool, error) {
	l, err := a.LogStore(s)
	if l == nil || err != nil {
		return nil, err
	}
	a.logs.spool, err = spool.Open(spool.Options{
		Dir: a.LogDir(), Node: Host(), Store: l, Keep: a.Settings.LogStoreKeepLocal, Grace: grace, Clock: a.Clock, Log: a.Log(),
	})
	return a.logs.spool, err
}

// LogKey is the key of the tokens with which processes that share a store ask each other for task logs.
func (a *App) LogKey(s store.Store) (live.Key, error) {
	vault, ok := s.(interface {
		Derive(purpose string) ([]byte, error)
	})
	if !ok {
		return live.NewKey(nil)
	}
	secret, err := vault.Derive("task logs of other machines")
	if err != nil {
		return nil, err
	}
	return live.NewKey(secret)
}

// otherNodes asks the processes that share a store for task logs; nil where there are none.
func (a *App) otherNodes(s store.Store) tasklog.Nodes {
	if s == nil || !a.Shared() {
		return nil
	}
	l := a.logs
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes == nil {
		key, err := a.LogKey(s)
		l.nodes = live.NewClient(live.ClientOptions{Key: key, Clock: a.Clock, Endpoints: func(ctx context.Context, host string) ([]string, error) {
			if err != nil {
				return nil, err
			}
			return endpoints(ctx, s, host, l.own())
		}})
	}
	return l.nodes
}

// endpoints are where the processes of a machine show their task logs, but for the one that is called own. They have a lease.
func endpoints(ctx context.Context, s store.Store, host, own string) (urls []string, err error) {
	now, err := s.LeaseClock(ctx)
	if err != nil {
		return nil, err
	}
	ns, err := s.Nodes(ctx, now)
	if err != nil {
		return nil, err
	}
	hidden := false
	for _, n := range ns {
		switch {
		case n.Host != host || n.ID == own:
		case n.Endpoint == "":
			hidden = true
		default:
			urls = append(urls, n.Endpoint)
		}
	}
	if hidden && len(urls) == 0 {
		return nil, errors.New("its process shows none: worker_listen is off there")
	}
	return urls, nil
}

// logReader reads task logs, on a store that may be nil.
func (a *App) logReader(s store.Store) *tasklog.Reader {
	o := tasklog.Options{Dir: a.LogDir(), Node: Host(), Nodes: a.otherNodes(s)}
	var err error
	if o.Store, err = a.LogStore(s); err != nil {
		o.Store = brokenLogs{err}
	}
	if a.logs.spool != nil {
		o.Local = a.logs.spool
	}
	return tasklog.NewReader(o)
}

// brokenLogs is a log store that cannot be opened: what is in the log folder is read nevertheless.
type brokenLogs struct{ err error }

func (b brokenLogs) Put(context.Context, string, tasklog.Part, io.Reader) error { return b.err }

func (b brokenLogs) Parts(context.Context, string) ([]tasklog.Part, error) { return nil, b.err }

func (b brokenLogs) ReadAt(context.Context, string, tasklog.Part, []byte, int64) (int, error) {
	return 0, b.err
}

func (b brokenLogs) Remove(context.Context, string, time.Time) (int, error) { return 0, b.err }

func (b brokenLogs) Count(context.Context, string) (int, error) { return 0, b.err }

func (b brokenLogs) String() string { return "log_store" }

func (b brokenLogs) Close() error { return nil }
