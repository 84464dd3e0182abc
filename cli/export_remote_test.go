package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/reach"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/store"
)

// MainRemotely is [Main] with a server in between: what a command line says is run by a server on the home folder that the
// environment and the flags name, which is called with --server and has no flags of the server. A command that does not run on
// servers runs as it is, as does one that asks for a secret, which does not leave the machine of a server, and one of a home folder on
// which no server could start.
func MainRemotely() {
	ctx, stop := signals.Notify(context.Background())
	code := runRemotely(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func runRemotely(ctx context.Context, args []string) int {
	o := IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Environ: os.Environ}
	host := app.New(show.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, LookupEnv: os.LookupEnv, Environ: os.Environ}, clock, parts(Extensions{}))
	defer host.Close()
	words, ok := served(ctx, host, args)
	if !ok {
		return Run(ctx, args, o, Extensions{})
	}
	run := func(ctx context.Context, c *remote.Call) int {
		c.Via = store.ViaCLI // which is all that tells a change from one at home
		return host.Call(ctx, c)
	}
	commands := remote.New(remote.Options{Run: run, Still: func(*http.Request, access.Identity) bool { return true }, Version: version, Mask: host.Mask, Log: slog.New(slog.DiscardHandler)})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Who calls is told apart elsewhere: here it is whoever would call it without a server.
		who := access.Identity{User: host.Actor().Name, Role: access.Admin, DAGs: access.AllDAGs()}
		commands.ServeHTTP(w, r.WithContext(access.With(r.Context(), who)))
	})}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	url := "http://" + ln.Addr().String()
	out, errs := &likeHome{to: os.Stdout, url: url, host: host}, &likeHome{to: os.Stderr, url: url, host: host}
	defer out.flush()
	defer errs.flush()
	o.Out, o.Err = out, errs
	o.LookupEnv = func(name string) (string, bool) {
		if strings.HasPrefix(name, "DINGDAG_") && name != settings.TimezoneVariable {
			return "", false // it is of the server
		}
		return os.LookupEnv(name)
	}
	return Run(ctx, slices.Concat([]string{"--server=" + url, "--token=dd_test"}, words), o, Extensions{})
}

// served opens the home folder that a command line is about, and returns the command line without the flags that say which.
func served(ctx context.Context, host *app.App, args []string) (words []string, ok bool) {
	root := newRoot(host)
	cmd, rest, err := root.Find(args)
	if err != nil || reach.Of(cmd).Class != reach.Remote || cmd.ParseFlags(rest) != nil || cmd.Flags().Changed("help") {
		return nil, false
	}
	for flag := range reach.Of(cmd).Refused {
		if cmd.Flags().Changed(flag) {
			return nil, false
		}
	}
	settings.ReadFlags(cmd, host.Flags)
	delete(host.Flags, settings.TimezoneKey)
	if _, err := host.ReadSettings(); err != nil {
		return nil, false
	}
	if there, err := host.HasStore(); err != nil {
		return nil, false
	} else if there {
		if _, err := host.OpenStore(ctx); err != nil {
			return nil, false
		}
	}
	words = strings.Fields(reach.Path(cmd))
	if reach.Path(cmd) == "variables get" && host.Masker().SensitiveName(cmd.Flags().Arg(0)) {
		return nil, false
	}
	_ = cmd.Flags().ParseAll(rest, func(f *pflag.Flag, value string) error { // they were parsed before
		if _, set := host.Flags[strings.ReplaceAll(f.Name, "-", "_")]; !set {
			words = append(words, "--"+f.Name+"="+value)
		}
		return nil
	})
	return slices.Concat(words, []string{"--"}, cmd.Flags().Args()), true
}

// likeHome passes output on as a command at home writes it: commands that are proposed name the home folder and not the server.
type likeHome struct {
	to   io.Writer
	url  string
	host *app.App
	line []byte
}

// Write implements [io.Writer].
func (l *likeHome) Write(p []byte) (int, error) {
	l.line = append(l.line, p...)
	if show.IsTerminal(l.to) { // whose lines change before they end
		defer l.flush()
	}
	end := bytes.LastIndexByte(l.line, '\n') + 1
	_, err := l.to.Write(l.changed(l.line[:end]))
	l.line = slices.Clone(l.line[end:])
	return len(p), err
}

func (l *likeHome) flush() {
	_, _ = l.to.Write(l.changed(l.line)) // what a test misses of it, it says
	l.line = nil
}

// Console implements [show.Consoler].
func (l *likeHome) Console() show.Console { return show.ConsoleOf(l.to) }

func (l *likeHome) changed(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("dingdag --server "+l.url), []byte(l.host.Program()))
}
