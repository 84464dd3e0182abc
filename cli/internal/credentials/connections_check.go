package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/stream"
)

func newCmdConnectionsTest(a *app.App) *cobra.Command {
	var message string
	cmd := &cobra.Command{
		Use:   "test ID",
		Short: "Test a connection and explain the answer",
		Long: `Looks the connection up as tasks do, in the connections file, the environment and the
store, and explains what DingTalk answers. Through a robot it sends a test message, which
must contain the robot's keyword if it has one, and waits if the robot has had its messages of
this minute. With an app (a connection that has a login,
the AppKey) it makes calls that change nothing, and tells apart wrong credentials, an address
that is not on the app's list, and missing scopes. If the extra has "stream": true, it also opens
a connection in stream mode for a moment, and says what the app lacks for it.

With type http it requests the base URL. With type smtp it logs in to the mail server and
sends nothing. With type postgres, mysql or sqlite it connects to the database and asks for
its version. Other types cannot be tested.`,
		Example: "  dingdag connections test dingding_default\n  dingdag connections test dingding_default --message 'alert: this is a test'",
		Args:    command.ExactArgs("ID"), ValidArgsFunction: completeConnections(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConnectionsTest(cmd.Context(), a, args[0], message)
		},
	}
	cmd.Flags().StringVar(&message, "message", "", "text to send (default: one that names the connection)")
	return cmd
}

// tester tests connections for somebody who reads what it writes.
type tester struct {
	*app.App

	// Out and Err are in the place of those of the command.
	Out, Err io.Writer
}

// Notef writes a line for people.
func (t tester) Notef(format string, args ...any) {
	_, _ = fmt.Fprintln(t.Err, "note:", show.Shown(t.Err, t.Mask(fmt.Sprintf(format, args...)))) // what cannot be written there cannot be told anywhere
}

// Test finds out whether a connection works, as the command does, and returns what the command would write.
func Test(ctx context.Context, a *app.App, id string) (works bool, text string) {
	return told(a, func(t tester) error { return test(ctx, t, id, "") })
}

// TestGiven does the same with a connection that need not be anywhere. Those that it names are looked up as tasks do.
func TestGiven(ctx context.Context, a *app.App, c *connections.Connection) (works bool, text string) {
	return told(a, func(t tester) error {
		a.Masker().AddConnection(c)
		src, err := a.Lookup(ctx)
		if err != nil {
			return err
		}
		return testFound(ctx, t, given{src, c}, c, "")
	})
}

// given is a source that has one connection beside those of another one.
type given struct {
	connections.Source
	c *connections.Connection
}

// Connection implements [connections.Source].
func (g given) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	if id == g.c.ID {
		return g.c, nil
	}
	return g.Source.Connection(ctx, id)
}

// told is what a test writes.
func told(a *app.App, do func(tester) error) (works bool, text string) {
	var b bytes.Buffer
	err := do(tester{a, &b, &b})
	if err != nil && !errors.Is(err, command.ErrQuiet) {
		fmt.Fprintln(&b, err)
	}
	return err == nil, strings.TrimSpace(a.Mask(b.String()))
}

func runConnectionsTest(ctx context.Context, a *app.App, id, message string) error {
	return test(ctx, tester{a, a.Out, a.Err}, id, message)
}

func test(ctx context.Context, a tester, id, message string) error {
	src, err := a.Lookup(ctx)
	if err != nil {
		return err
	}
	c, err := src.Connection(ctx, id)
	if err != nil {
		return err
	}
	return testFound(ctx, a, src, c, message)
}

func testFound(ctx context.Context, a tester, src connections.Source, c *connections.Connection, message string) error {
	id := c.ID
	for _, note := range a.ExtraNotes(ctx, src, c) {
		a.Notef("%s", note)
	}
	switch c.Type {
	case "smtp":
		return testMail(ctx, a, src, id)
	case "http", "https":
		return testHTTP(ctx, a, src, id)
	case "postgres", "postgresql", "mysql", "mariadb", "sqlite":
		return testDatabase(ctx, a, src, id)
	case "dingding", "dingtalk":
	default:
		return fmt.Errorf("connection %q has the type %q: only those of type dingding, dingtalk, http, smtp, postgres, mysql or sqlite can be tested", id, c.Type)
	}
	chat, err := stream.SettingsOf(c)
	if err != nil {
		return connections.About("connection", id, err)
	}
	if c.GetLogin() != "" {
		return testApp(ctx, a, src, id, chat.Stream)
	}
	chain, problems := a.Fallbacks(ctx, src, id)
	if len(problems) > 0 {
		return fmt.Errorf("nothing was sent: %w", errors.Join(problems...))
	}
	if message == "" {
		message = "dingdag connections test " + id
	}
	m := hook.Text(message)
	m.ConnID = id
	ctx = gate.With(ctx, gate.Turn{Key: fmt.Sprintf("connections test by %d", os.Getpid()), Rank: gate.Urgent})
	ctx = gate.Waiting(ctx, func(c *gate.ClosedError) { a.Notef("%s; waiting", c) })
	res, err := a.Dingding().With(src, slog.New(slog.DiscardHandler)).Send(ctx, m)
	for _, w := range res.Warnings {
		a.Notef("%s", w)
	}
	if he, ok := errors.AsType[*hook.Error](err); ok {
		_, err = fmt.Fprint(a.Err, a.Mask(explain(id, he)))
		return errors.Join(command.ErrQuiet, err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "connection %s works: DingTalk accepted the message %q\n", id, message)
	if err == nil && len(chain) > 0 {
		_, err = fmt.Fprintf(a.Out, "an alert that it cannot deliver goes to %s\n", strings.Join(chain, ", then "))
	}
	return errors.Join(err, tellCounts(ctx, a, a.Dingding().With(src, slog.New(slog.DiscardHandler)), id))
}

// tellCounts says how many messages the robots of a connection were sent in this month.
func tellCounts(ctx context.Context, a tester, h *hook.DingdingHook, id string) error {
	if a.Store == nil || a.ReadOnly {
		return nil // nobody counts
	}
	robots, err := h.Robots(ctx, id)
	if err != nil {
		return err
	}
	slices.SortFunc(robots, func(x, y hook.GateRobot) int { return strings.Compare(x.Name, y.Name) })
	for _, r := range robots {
		row, err := a.Store.Gate(ctx, r.Key)
		if err != nil {
			return err
		}
		sent := 0
		if row.Month == gate.Month(a.Clock()) {
			sent = row.Sent
		}
		count := callbacks.Grouped(sent)
		if r.Quota > 0 {
			count += " of " + callbacks.Grouped(r.Quota)
		}
		if _, err := fmt.Fprintf(a.Out, "robot %s: %s messages sent this month\n", r.Name, count); err != nil {
			return err
		}
	}
	return nil
}

// testApp asks DingTalk about an app. What is refused for want of a scope does not make
// the command fail: few apps need every scope. With receives the app has to get a connection in
// stream mode, too.
func testApp(ctx context.Context, a tester, src connections.Source, id string, receives bool) error {
	h := hook.New(src, hook.WithClock(a.Clock))
	defer h.CloseIdleConnections()
	check, err := h.App(id).Check(ctx)
	if err != nil {
		return err
	}
	if receives && check.Address && !slices.ContainsFunc(check.Steps, noToken) {
		if err := checkStream(ctx, h.App(id), check); err != nil {
			return err
		}
	}
	var b strings.Builder
	broken := false
	for _, s := range check.Steps {
		name := s.Name
		if s.Scope != "" {
			name += " (" + s.Scope + ")"
		}
		if s.Err == nil {
			fmt.Fprintf(&b, "  ok       %s\n", name)
			continue
		}
		label := "refused"
		if slices.Contains(check.Missing, s.Scope) {
			label = "missing"
		} else {
			broken = true
		}
		fmt.Fprintf(&b, "  %-8s %s: %s\n", label, name, answer(s.Err))
		if s.Err.Err != nil {
			fmt.Fprintf(&b, "           %s\n", s.Err.Err)
		}
		if r := s.Err.Remedy(); r != "" {
			fmt.Fprintf(&b, "           %s\n", r)
		}
	}
	if broken {
		_, err := fmt.Fprintf(a.Err, "connection %s does not work\n%s", id, a.Mask(b.String()))
		return errors.Join(command.ErrQuiet, err)
	}
	note := ""
	if len(check.Missing) > 0 {
		note = ", but lacks scopes that some operators need"
	}
	_, err = fmt.Fprintf(a.Out, "connection %s works%s\n%s", id, note, a.Mask(b.String()))
	return err
}

// noToken reports a step that needs no scope and was refused all the same.
func noToken(s hook.AppCheckStep) bool { return s.Err != nil && s.Scope == "" }

// checkStream adds to a check whether the app gets a connection in stream mode.
func checkStream(ctx context.Context, a *hook.App, check *hook.AppCheck) error {
	step := hook.AppCheckStep{Name: "connect in stream mode"}
	if err := stream.Check(ctx, stream.Options{App: a}); err != nil && !errors.As(err, &step.Err) {
		return err
	}
	check.Steps = append(check.Steps, step)
	return nil
}

// explain tells a person what DingTalk answered, what that means and what to do.
func explain(id string, e *hook.Error) string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-8s %s\n", label, text)
		}
	}
	fmt.Fprintf(&b, "connection %s does not work\n", id)
	answered := e.Code != "" || e.HTTPStatus != 0
	if answered {
		line("answer:", answer(e))
	}
	var causes []string
	if e.Message != "" && !answered {
		causes = append(causes, e.Message)
	}
	if e.Err != nil {
		causes = append(causes, e.Err.Error())
	}
	line("cause:", strings.Join(causes, ": "))
	line("meaning:", meaning(e))
	line("remedy:", e.Remedy())
	if strings.Contains(e.Remedy(), "keyword") {
		line("try:", fmt.Sprintf("dingdag connections test %s --message 'a text with the keyword'", id))
	}
	return b.String()
}

// answer is what came back, with the status where it is not the usual one.
func answer(e *hook.Error) string {
	text := strings.TrimSpace(e.Code + " " + e.Message)
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusOK {
		text = fmt.Sprintf("%s (HTTP %d %s)", text, e.HTTPStatus, http.StatusText(e.HTTPStatus))
	}
	return strings.TrimSpace(text)
}

// meaning says in a sentence what the kind of an error is.
func meaning(e *hook.Error) string {
	if e.Spent() {
		return "the quota of the month is used up"
	}
	switch e.Kind {
	case hook.KindInvalid:
		return "the message or the connection is wrong as it is (invalid)"
	case hook.KindAuth:
		return "the credentials are missing or DingTalk does not accept them (auth)"
	case hook.KindNotFound:
		return "there is no such robot, group or connection (not_found)"
	case hook.KindRateLimited:
		return fmt.Sprintf("too many messages: wait at least %s (rate_limited)", e.RetryAfter)
	case hook.KindUnavailable:
		return "DingTalk did not accept the message; a later attempt may help (unavailable)"
	case hook.KindUncertain:
		return "the message left, but no usable answer came: it may have arrived (uncertain)"
	}
	return string(e.Kind)
}
