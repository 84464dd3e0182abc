// Package home is the home folder as one command has it: settings, log, lock, store and
// secrets, each of which is made when it is first asked for.
package home

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lmittmann/tint"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
)

// Home is the home folder of one command, which closes it in the end.
type Home struct {
	// IO is what the command reads and writes.
	show.IO
	// Clock is where the time comes from.
	Clock func() time.Time
	// Flags holds the settings that the command line sets, by their keys.
	Flags map[string]string
	// Settings are nil until [Home.ReadSettings], which returns the error of Check, if there is one.
	Settings *settings.Config
	Check    func() error
	// Store is that of the home folder, nil until [Home.OpenStore].
	Store Store
	// OnStore, when set, is told how long each stage of the work of the store took.
	OnStore func(s sqlcommit.Stage, took time.Duration)
	// ReadOnly says that the store can only be looked at.
	ReadOnly bool

	masker *connections.Masker
	logger *slog.Logger
	closes []func() error
	host   *Home  // of which this one is a guest, or nil
	caller Caller // of a guest

	node sync.Once
	name string // of this process, see Node
}

// Caller is how somebody on another machine calls the program.
type Caller struct {
	// Program is how the caller names the program, with what it needs to reach this one: "dingdag --server URL".
	Program string
	// LookupEnv reads the settings that are the caller's, such as the zone in which times are shown.
	LookupEnv func(string) (string, bool)
}

// Guest is the home folder for a command of somebody on another machine: it has the settings, the store and the masker of h,
// which stay open when it is closed, and hides secrets in all that it prints.
func (h *Home) Guest(ctx context.Context, o show.IO, c Caller) *Home {
	o.LookupEnv, o.Environ = h.LookupEnv, h.Environ
	g := New(o, h.Clock)
	g.host, g.caller = h, c
	g.Store, g.OnStore, g.ReadOnly, g.masker = h.Store, h.OnStore, h.ReadOnly, h.Masker()
	if g.Store != nil {
		h.knowSecrets(ctx, g.Store) // those that have come since
	}
	g.MaskOutput()
	return g
}

// IsGuest reports whether the command is of somebody on another machine.
func (h *Home) IsGuest() bool { return h.host != nil }

// New returns the home folder of a command that reads and writes o. What it writes does no harm on a terminal, see [show.Guard].
func New(o show.IO, clock func() time.Time) *Home {
	o.Out, o.Err = show.Guarded(o.Out), show.Guarded(o.Err)
	h := &Home{IO: o, Clock: clock, Flags: map[string]string{}}
	for _, w := range []io.Writer{o.Out, o.Err} {
		if g, ok := w.(*show.Guard); ok {
			h.OnClose(g.Flush)
		}
	}
	return h
}

// OnClose has a function called by Close, before those that were given earlier.
func (h *Home) OnClose(f func() error) { h.closes = append(h.closes, f) }

// Close ends what the command opened, last first.
func (h *Home) Close() error {
	var errs []error
	for _, f := range slices.Backward(h.closes) {
		errs = append(errs, f())
	}
	h.closes = nil
	return errors.Join(errs...)
}

// ReadSettings reads the configuration, once. What is wrong with it is a usage error.
func (h *Home) ReadSettings() (*settings.Config, error) {
	if h.Settings == nil {
		c, err := h.loadSettings()
		if err != nil {
			return nil, command.UsageError{Err: err}
		}
		h.Settings = c
		if h.Check == nil {
			return c, nil
		}
		if err := h.Check(); err != nil {
			h.Settings = nil
			return nil, command.UsageError{Err: err}
		}
	}
	return h.Settings, nil
}

// loadSettings reads the layers. A guest has the settings of its host, but for those that are the caller's.
func (h *Home) loadSettings() (*settings.Config, error) {
	if h.host == nil {
		return settings.Load(h.IO, h.Flags)
	}
	c, err := h.host.ReadSettings()
	if err != nil {
		return nil, err
	}
	return c.For(h.caller.LookupEnv, h.Flags)
}

// Masker knows what is secret. There is one for the command.
func (h *Home) Masker() *connections.Masker {
	if h.masker == nil {
		h.masker = connections.NewMasker()
		if c, err := h.ReadSettings(); err == nil {
			h.masker.ShowExtra(c.HarmlessExtra...)
			h.masker.Add(c.SecretKey, c.OIDC.Secret)
			h.masker.Add(secretOfURL(c.HeartbeatURL)...)
			h.masker.Add(secretsOfDatabase(c.DatabaseURL)...)
		}
	}
	return h.masker
}

// secretOfURL are the parts of a URL that may be a secret: password, query, and long parts of the path.
func secretOfURL(text string) []string {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	password, _ := u.User.Password()
	parts := []string{password, u.RawQuery}
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 16 { // a UUID or a token, and not a word
			parts = append(parts, part)
		}
	}
	return parts
}

// secretsOfDatabase are the URL of a database, its password, and the values of its parameters that are passwords.
func secretsOfDatabase(text string) []string {
	if text == "" {
		return nil
	}
	all := []string{text}
	u, err := url.Parse(text)
	if err != nil {
		return all
	}
	password, _ := u.User.Password()
	all = append(all, password)
	for key, values := range u.Query() {
		if strings.Contains(key, "password") {
			all = append(all, values...)
		}
	}
	return all
}

// Mask is a text with what is known to be secret hidden.
func (h *Home) Mask(s string) string {
	if h.masker == nil {
		return s
	}
	return h.masker.Mask(s)
}

// Notef writes a line for people to standard error, where a failure to write could not
// be told either.
func (h *Home) Notef(format string, args ...any) {
	_, _ = fmt.Fprintln(h.Err, "note:", show.Shown(h.Err, h.Mask(fmt.Sprintf(format, args...))))
}

// Log is the program's own log, on standard error, with secrets masked.
func (h *Home) Log() *slog.Logger {
	if h.logger == nil {
		h.logger = slog.New(h.Masker().Handler(h.logHandler()))
	}
	return h.logger
}

func (h *Home) logHandler() slog.Handler {
	level, format := slog.LevelInfo, "auto"
	if c, err := h.ReadSettings(); err == nil {
		// The value was checked when it was read.
		_ = level.UnmarshalText([]byte(c.LogLevel))
		format = c.LogFormat
	}
	to := h.Err
	terminal := show.IsTerminal(h.Err)
	if terminal && format != "auto" {
		to = show.NewScreen(to) // it gets whole lines, without colours of ours
	}
	switch {
	case format == "json":
		return slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level})
	case format == "auto" && terminal:
		return tint.NewTextHandler(to, &tint.Options{Level: level, TimeFormat: time.TimeOnly, ReplaceAttr: show.HarmlessAttr})
	default:
		return slog.NewTextHandler(to, &slog.HandlerOptions{Level: level})
	}
}

// Program is how people call the program so that it works on this home folder. The
// settings have been read.
func (h *Home) Program() string {
	if h.host != nil {
		return h.caller.Program
	}
	if usual, err := settings.Home(func(string) (string, bool) { return "", false }, ""); err == nil && usual == h.Settings.Home {
		return "dingdag"
	}
	return "dingdag --home " + callbacks.ShellWord(h.Settings.Home)
}

// Command is a command line of the program that people can copy: its words are quoted for a shell, and it
// works on this home folder.
func (h *Home) Command(words ...string) string {
	program := "dingdag"
	if _, err := h.ReadSettings(); err == nil {
		program = h.Program()
	}
	return program + " " + callbacks.ShellLine(words...)
}

// LogDir is the folder of the task logs. The settings have been read.
func (h *Home) LogDir() string { return filepath.Join(h.Settings.Home, "logs") }

// Make makes the folder unless it is there.
func (h *Home) Make() error {
	c, err := h.ReadSettings()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Home, 0o700); err != nil {
		return fmt.Errorf("create the home folder: %w; set DINGDAG_HOME or --home to a folder that can be written", command.WithoutOp(err))
	}
	return nil
}
