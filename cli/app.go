package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/lmittmann/tint"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/env"
	"github.com/dingdag/dingdag/connections/file"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// app is what the commands of one invocation share. Each part is made when a command
// first asks for it, so that cheap commands stay cheap.
type app struct {
	show.IO
	extensions Extensions
	// interrupted is closed when the command is to end.
	interrupted <-chan struct{}
	// flags holds the settings that the command line sets.
	flags map[string]string

	// zone is that of the one DAG which the command shows, or nil.
	zone *time.Location
	// plain is the last date of the command line that named no zone.
	plain struct {
		text string
		at   time.Time
	}

	cfg    *settings.Config
	masker *connections.Masker
	logger *slog.Logger
	hook   *hook.DingdingHook
	store  *sqlite.Store // the one of the home folder, once it is open
	closes []func() error
}

// close ends what the command opened, last first.
func (a *app) close() error {
	var errs []error
	for _, f := range slices.Backward(a.closes) {
		errs = append(errs, f())
	}
	a.closes = nil
	return errors.Join(errs...)
}

// config reads the configuration once.
func (a *app) config() (*settings.Config, error) {
	if a.cfg == nil {
		c, err := settings.Load(a.IO, a.flags)
		if err != nil {
			return nil, command.UsageError{Err: err}
		}
		a.cfg = c
	}
	return a.cfg, nil
}

func (a *app) maskerOnce() *connections.Masker {
	if a.masker == nil {
		a.masker = connections.NewMasker()
		if c, err := a.config(); err == nil {
			a.masker.ShowExtra(c.HarmlessExtra...)
			a.masker.Add(c.SecretKey)
		}
	}
	return a.masker
}

func (a *app) mask(s string) string {
	if a.masker == nil {
		return s
	}
	return a.masker.Mask(s)
}

// log is the program's own log, on standard error, with secrets masked.
func (a *app) log() *slog.Logger {
	if a.logger != nil {
		return a.logger
	}
	level, format := slog.LevelInfo, "auto"
	if c, err := a.config(); err == nil {
		// The value was checked when it was read.
		_ = level.UnmarshalText([]byte(c.LogLevel))
		format = c.LogFormat
	}
	var h slog.Handler
	to := a.Err
	f, _ := a.Err.(*os.File)
	terminal := f != nil && show.IsTerminal(f)
	if terminal && format != "auto" {
		to = show.NewScreen(to) // it gets whole lines, without colours of ours
	}
	switch {
	case format == "json":
		h = slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level})
	case format == "auto" && terminal:
		h = tint.NewTextHandler(to, &tint.Options{Level: level, TimeFormat: time.TimeOnly, ReplaceAttr: show.HarmlessAttr})
	default:
		h = slog.NewTextHandler(to, &slog.HandlerOptions{Level: level})
	}
	a.logger = slog.New(a.maskerOnce().Handler(h))
	return a.logger
}

// program is how people call the program so that it works on this home folder.
func (a *app) program() string {
	if usual, err := settings.Home(func(string) (string, bool) { return "", false }, ""); err == nil && usual == a.cfg.Home {
		return "dingdag"
	}
	return "dingdag --home " + callbacks.ShellWord(a.cfg.Home)
}

// homeDir makes the home folder.
func (a *app) homeDir() (string, error) {
	c, err := a.config()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(c.Home, 0o700); err != nil {
		return "", fmt.Errorf("make the home folder: %w; set DINGDAG_HOME or --home to a folder that can be written", withoutOp(err))
	}
	return c.Home, nil
}

// withoutOp drops the system call's name from a file error.
func withoutOp(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// cipher seals connections with the configured key, or the one in the home folder, which
// is made unless there is something that was sealed with another one.
func (a *app) cipher(sealed bool) (*connections.Cipher, error) {
	var key []byte
	var err error
	path := filepath.Join(a.cfg.Home, "secret.key")
	switch {
	case a.cfg.SecretKey != "":
		key, err = connections.ParseKey(a.cfg.SecretKey)
	case sealed:
		if key, err = connections.LoadKey(path); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("the key %s is missing, and the store holds connections or variables that were sealed with it: put it back from a backup, or set DINGDAG_SECRET_KEY; if it is lost, make a new one (openssl rand -base64 32 > %s) and enter them anew", path, path)
		}
	default:
		key, err = connections.LoadOrCreateKey(path)
	}
	if err != nil {
		return nil, err
	}
	return connections.NewCipher(key)
}

// openStore opens the store of the home folder, once.
func (a *app) openStore(ctx context.Context) (*sqlite.Store, error) {
	if a.store != nil {
		return a.store, nil
	}
	if _, err := a.homeDir(); err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if a.log().Enabled(ctx, slog.LevelDebug) {
		log = a.log()
	}
	path := a.storePath()
	s, err := sqlite.Open(ctx, path, sqlite.Options{Synchronous: a.cfg.Synchronous, Unlock: a.cipher, Log: log, ReadOnly: readOnly(path)})
	if err != nil {
		return nil, err
	}
	a.closes = append(a.closes, s.Close)
	a.store = s
	a.knowSecrets(ctx, s)
	a.maskOut()
	return s, nil
}

func (a *app) storePath() string { return filepath.Join(a.cfg.Home, "dingdag.db") }

// readOnly reports whether a store is there that can only be looked at.
func readOnly(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // below the home folder
	if err == nil {
		// SQLite has not opened it yet, whose locks this would give back.
		return f.Close() != nil
	}
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// storeExists reports whether the home folder has a store, without making one.
func (a *app) storeExists() (bool, error) {
	c, err := a.config()
	if err != nil {
		return false, err
	}
	_, err = os.Stat(filepath.Join(c.Home, "dingdag.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// lock makes this process the only one that works on the home folder.
func (a *app) lock() error {
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	path := filepath.Join(home, "dingdag.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // below the home folder
	if err != nil {
		return fmt.Errorf("lock the home folder: %w", withoutOp(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who, _ := os.ReadFile(path) //nolint:gosec // as above
		return errors.Join(fmt.Errorf("another dingdag works on %s already (process %s): stop it, or use another --home", home, who), f.Close())
	}
	a.closes = append(a.closes, f.Close)
	store, err := os.OpenFile(a.storePath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the store: %w", withoutOp(err))
	}
	// It is closed after SQLite has closed the store: closing it gives back SQLite's own
	// locks, which are of another kind.
	a.closes = append(a.closes, store.Close)
	if err := syscall.Flock(int(store.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another dingdag works on %s already, whose dingdag.lock was removed: stop it, or use another --home", a.storePath())
	}
	if err = f.Truncate(0); err == nil {
		_, err = fmt.Fprintf(f, "%d", os.Getpid())
	}
	if err != nil {
		return fmt.Errorf("lock the home folder: %w", withoutOp(err))
	}
	return nil
}

// storeLocked reports whether somebody works on the store. What it opens stays open until
// the store is closed, for the reason that lock tells.
func (a *app) storeLocked() (bool, error) {
	store, err := os.Open(a.storePath())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock of the store: %w", withoutOp(err))
	}
	a.closes = slices.Insert(a.closes, 0, store.Close) // the first is the last
	err = syscall.Flock(int(store.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err == nil {
		err = syscall.Flock(int(store.Fd()), syscall.LOCK_UN)
	}
	return false, err
}

// sources builds the lookup order: files, environment, store. Every connection they
// hand out is masked in all output from then on.
func (a *app) sources(db connections.Source) (connections.Source, connections.VariableSource, error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	files := file.Source{Connections: c.ConnectionsFile, Variables: c.VariablesFile}
	environ := env.New(a.LookupEnv)
	conns := []connections.Source{files, environ}
	if db != nil {
		conns = append(conns, db)
	}
	vars := []connections.VariableSource{files, environ}
	if a.store != nil {
		vars = append(vars, a.store.Variables())
	}
	m := a.maskerOnce()
	return connections.Masking(connections.Chain(a.log(), conns...), m),
		connections.MaskingVariables(connections.VariableChain(a.log(), vars...), m), nil
}

// clock is where the time of a command comes from.
func clock() time.Time { return time.Now() } //nolint:forbidigo // the clock of the program starts here

var _ store.Store = (*sqlite.Store)(nil)
