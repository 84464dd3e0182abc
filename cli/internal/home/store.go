package home

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore/sqlvault"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Store is all that is asked of the store of a home folder, whatever database it is in.
type Store interface {
	store.Store
	sqlvault.Keeper
	// Lists reads lists with many filters.
	Lists() listing.Reader
	// Commits is how many transactions of the database this process has begun.
	Commits() int64
	// Vacuum writes the store anew, without unused space.
	Vacuum(ctx context.Context) error
	// InPlace returns an error when others no longer find the store where it was opened.
	InPlace() error
	// Close ends the store. Transactions under way finish first.
	Close() error
}

var (
	_ Store = (*sqlite.Store)(nil)
	_ Store = (*postgres.Store)(nil)
)

// OpenStore opens the store, once, and makes it unless it is there. From then on its secrets
// are hidden in what the command prints.
func (h *Home) OpenStore(ctx context.Context) (Store, error) {
	if h.Store != nil {
		return h.Store, nil
	}
	if err := h.Make(); err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	switch {
	case h.Log().Enabled(ctx, slog.LevelDebug):
		log = h.Log()
	case h.Shared(): // what is wrong with the way to a database must be known
		log = OnlyWarnings(h.Log())
	}
	s, err := h.open(ctx, log)
	if err != nil {
		return nil, err
	}
	h.OnClose(s.Close)
	h.Store = s
	h.knowSecrets(ctx, s)
	h.MaskOutput()
	return s, nil
}

// AwaitStore is OpenStore for a process that goes on for long: while the database can't be reached it tries again, until
// ctx ends.
func (h *Home) AwaitStore(ctx context.Context) (Store, error) {
	away := false
	for {
		s, err := h.OpenStore(ctx)
		if !h.Shared() || !errors.Is(err, store.ErrBusy) {
			if err == nil && away {
				h.Log().Info("the database is there again")
			}
			return s, err
		}
		if !away {
			away = true
			h.Log().Error("the database cannot be reached; trying again until it is there", "database", h.Place(), "error", h.Mask(err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(storePause):
		}
	}
}

// storePause is the time between two tries to reach a database.
const storePause = time.Second

func (h *Home) open(ctx context.Context, log *slog.Logger) (Store, error) {
	if h.Shared() {
		s, err := postgres.Open(ctx, h.Settings.DatabaseURL, postgres.Options{Node: h.Node(), Unlock: h.cipher, Observe: h.OnStore, Log: log})
		if err != nil {
			return nil, fmt.Errorf("setting database_url: %w", err)
		}
		return s, nil
	}
	path := h.storePath()
	h.ReadOnly = readOnly(path)
	return sqlite.Open(ctx, path, sqlite.Options{Synchronous: h.Settings.Synchronous, Unlock: h.cipher, Observe: h.OnStore, Log: log, ReadOnly: h.ReadOnly})
}

// Shared reports whether the store is in a database that processes of several home folders may share. The settings have been
// read.
func (h *Home) Shared() bool { return h.Settings.DatabaseURL != "" }

// Place is where the store is, for people: the home folder, or the database without user and password. The settings have
// been read.
func (h *Home) Place() string {
	if !h.Shared() {
		return h.Settings.Home
	}
	u, err := url.Parse(h.Settings.DatabaseURL)
	if err != nil {
		return "the database"
	}
	return (&url.URL{Scheme: "postgres", Host: u.Host, Path: u.Path}).String()
}

// Queues are those whose tasks this process runs; nil is all.
func (h *Home) Queues() []string {
	if slices.Contains(h.Settings.Queues, "*") {
		return nil
	}
	return h.Settings.Queues
}

// Node is the name of this process among those that share a store: that of its machine, its PID, and a word that no other process
// has, whatever machines and containers are called.
func (h *Home) Node() string {
	h.node.Do(func() {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		h.name = fmt.Sprintf("%s:%d/%s", host, os.Getpid(), strings.ToLower(rand.Text()[:8]))
	})
	return h.name
}

func (h *Home) storePath() string { return filepath.Join(h.Settings.Home, "dingdag.db") }

// readOnly reports whether a store is there that can only be looked at.
func readOnly(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // below the home folder
	if err == nil {
		// SQLite has not opened it yet, whose locks this would give back.
		return f.Close() != nil
	}
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// HasStore reports whether there is a store, without making one. A database that is named is one.
func (h *Home) HasStore() (bool, error) {
	if _, err := h.ReadSettings(); err != nil {
		return false, err
	}
	if h.Shared() {
		return true, nil
	}
	_, err := os.Stat(h.storePath())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// cipher seals connections with the configured key, or the one in the home folder, which
// is made unless there is something that was sealed with another one.
func (h *Home) cipher(sealed bool) (*connections.Cipher, error) {
	var key []byte
	var err error
	path := filepath.Join(h.Settings.Home, "secret.key")
	switch {
	case h.Settings.SecretKey != "":
		key, err = connections.ParseKey(h.Settings.SecretKey)
	case sealed:
		if key, err = connections.LoadKey(path); errors.Is(err, fs.ErrNotExist) {
			if h.Shared() {
				return nil, fmt.Errorf("the key %s is missing, and the database holds connections or variables that were encrypted on another machine: copy secret.key from its home folder, or set the same DINGDAG_SECRET_KEY on all machines", path)
			}
			err = fmt.Errorf("the key %s is missing, and the store holds connections or variables that were encrypted with it: restore it from a backup, or set DINGDAG_SECRET_KEY; if it is lost, create a new one (openssl rand -base64 32 > %s) and enter them again", path, path)
		}
	default:
		key, err = connections.LoadOrCreateKey(path)
	}
	if err != nil {
		return nil, err
	}
	return connections.NewCipher(key)
}

// Connections are those of the store, or nil when there is no store yet: looking something
// up makes none.
func (h *Home) Connections(ctx context.Context) (connections.Store, error) {
	ok, err := h.HasStore()
	if err != nil || !ok {
		return nil, err
	}
	s, err := h.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return s.Connections(), nil
}

// Lookup is the whole lookup order, files, environment and store, whose error about
// an unknown id names the nearest one of the store.
func (h *Home) Lookup(ctx context.Context) (connections.Source, error) {
	s, err := h.Connections(ctx)
	if err != nil {
		return nil, err
	}
	src, _, err := h.Sources(s)
	return lookup{src, s}, err
}

type lookup struct {
	connections.Source
	store connections.Store
}

// Connection implements [connections.Source].
func (l lookup) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	c, err := l.Source.Connection(ctx, id)
	if !errors.Is(err, connections.ErrNotFound) {
		return c, err
	}
	near, nerr := NearConnection(ctx, l.store, id)
	if nerr != nil {
		return nil, errors.Join(err, nerr)
	}
	return nil, fmt.Errorf("%w%s", err, near)
}

// NearConnection ends an error about an unknown id: it names the nearest one of a
// store, which may be nil.
func NearConnection(ctx context.Context, s connections.Store, id string) (string, error) {
	var ids []string
	if s == nil {
		return yamlvalue.DidYouMean(id, slices.Values(ids)), nil
	}
	all, err := s.Connections(ctx)
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return yamlvalue.DidYouMean(id, slices.Values(ids)), err
}

// ConnectionIDs are the ids of all connections that a lookup may find, sorted: those of the file, of the
// environment (in lower case, because it does not tell cases apart) and of the store. When some can't be read it
// returns the others with an error.
func (h *Home) ConnectionIDs(ctx context.Context) (ids []string, err error) {
	c, err := h.ReadSettings()
	if err != nil {
		return nil, err
	}
	var errs []error
	if c.ConnectionsFile != "" {
		all, err := file.ReadConnections(c.ConnectionsFile)
		errs = append(errs, err)
		for _, c := range all {
			ids = append(ids, c.ID)
		}
	}
	if h.Environ != nil {
		for _, entry := range h.Environ() {
			name, value, _ := strings.Cut(entry, "=")
			for _, prefix := range []string{connections.EnvConn, connections.AirflowEnvConn} {
				if id, ok := strings.CutPrefix(name, prefix); ok && id != "" && strings.TrimSpace(value) != "" {
					ids = append(ids, strings.ToLower(id))
				}
			}
		}
	}
	s, err := h.Connections(ctx)
	errs = append(errs, err)
	if s != nil {
		all, err := s.Connections(ctx)
		errs = append(errs, err)
		for _, c := range all {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), errors.Join(errs...)
}
