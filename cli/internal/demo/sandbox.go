package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
)

// sandboxOptions say where the sandbox listens and which robots it has.
type sandboxOptions struct {
	listen         string
	listenAnywhere bool
	hosts          []string
	robots         []string
	keywords       []string
	secret         string
	rate           int
	block          time.Duration
}

// NewSandbox makes the command sandbox.
func NewSandbox(a *app.App) *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a local DingTalk that shows what it was sent",
		Long: `Answers robot messages as DingTalk does, refusals and limits included, prints each message
that arrives and shows all of them on a page. Nothing leaves this machine and nothing is
kept when it ends. Tokens are derived from the robots' names: they are the same at every start.`,
		Example: `  dingdag sandbox
  dingdag sandbox --robot dingding_default,ops --keyword alert --secret SECtest
  dingdag sandbox --listen 127.0.0.1:0 --rate -1`,
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSandbox(cmd.Context(), a, o) },
	}
	cmd.AddCommand(newCmdSay(a), newCmdPress(a))
	f, rate := cmd.Flags(), sandbox.DingTalkRate()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8100", "address to listen on; port 0 picks a free one")
	f.BoolVar(&o.listenAnywhere, "listen-anywhere", false, "allow an address that other machines reach: they can read every message")
	f.StringSliceVar(&o.hosts, "host", nil, "more host names that it answers to, such as that of a container; addresses, localhost and DingTalk's own always work")
	f.StringSliceVar(&o.robots, "robot", []string{hook.DefaultConnID}, "names of the robots, which are also the ids of the connections that are printed")
	f.StringSliceVar(&o.keywords, "keyword", nil, "keywords, of which a message must contain one")
	f.StringVar(&o.secret, "secret", "", "secret, beginning with SEC, with which messages must be signed")
	f.IntVar(&o.rate, "rate", rate.PerMinute, "messages a minute that a robot accepts; -1 for no limit")
	f.DurationVar(&o.block, "rate-block", rate.Block, "how long a robot refuses everything after too many messages")
	return cmd
}

func runSandbox(ctx context.Context, a *app.App, o sandboxOptions) error {
	defer signals.OutliveReaders()()
	s, robots, err := o.server(a.Clock)
	if err != nil {
		return command.UsageError{Err: err}
	}
	ln, err := o.open(ctx)
	if err != nil {
		return err
	}
	if err := printSandbox(a.Out, ln.Addr(), robots, demoApp()); err != nil {
		return errors.Join(err, ln.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx, ln) })
	g.Go(func() error { return printArrivals(ctx, a.Out, s) })
	return g.Wait()
}

// server makes the sandbox with its robots.
func (o sandboxOptions) server(clock func() time.Time) (*sandbox.Server, []sandbox.Robot, error) {
	if o.rate == 0 || o.rate < -1 {
		return nil, nil, fmt.Errorf("--rate %d: must be above 0, or -1 for no limit", o.rate)
	}
	if o.block <= 0 {
		return nil, nil, fmt.Errorf("--rate-block %s: must be above 0", o.block)
	}
	s := sandbox.New(sandbox.Options{Now: clock, Rate: sandbox.Rate{PerMinute: o.rate, Block: o.block}, Hosts: o.hosts})
	var robots []sandbox.Robot
	for _, name := range o.robots {
		if err := connections.ValidateID(name); err != nil {
			return nil, nil, fmt.Errorf("--robot: %w", err)
		}
		r := sandbox.DemoRobot(name)
		r.Keywords, r.Secret, r.Rate = o.keywords, o.secret, sandbox.Rate{PerMinute: o.rate, Block: o.block}
		r, err := s.AddRobot(r)
		if err != nil {
			return nil, nil, err
		}
		robots = append(robots, r)
	}
	return s, robots, addDemoApp(s)
}

// demoApp is the application of the sandbox; its name is that of its connection.
func demoApp() sandbox.App {
	app := sandbox.DemoApp("dingtalk_default")
	app.GroupTemplates = []string{"oncall-template"} // as example_oncall_group has it
	return app
}

// addDemoApp fills a sandbox with an organisation and an application of it.
func addDemoApp(s *sandbox.Server) error {
	if err := s.Seed(sandbox.DemoOrganisation()); err != nil {
		return fmt.Errorf("fill the sandbox: %w", err)
	}
	if err := s.AddApp(demoApp()); err != nil {
		return fmt.Errorf("fill the sandbox: %w", err)
	}
	if _, err := s.AddChat(sandbox.DemoChat(demoApp())); err != nil {
		return fmt.Errorf("fill the sandbox: %w", err)
	}
	return nil
}

// onCall is the first of the demo's people, who acts where a call wants an operator and may do everything in the chat.
const onCall = "user001"

// appConnection is the connection that leads to an application of a sandbox, in both directions.
func appConnection(base string, app sandbox.App) (*connections.Connection, error) {
	return connections.FromAttributes(app.Name, map[string]any{
		"conn_type": "dingtalk", "host": base, "login": app.AppKey, "password": app.AppSecret,
		"extra": map[string]any{
			"agent_id": app.AgentID, "operator_user_id": onCall, "stream": true, "user_id": onCall,
			"conversation_id": sandbox.DemoChat(app).OpenConversationID, "card_template_id": "demo.schema", // the sandbox takes any
		},
	})
}

// open listens. What is checked to be a loopback address is what is listened on.
func (o sandboxOptions) open(ctx context.Context) (net.Listener, error) {
	addr, err := net.ResolveTCPAddr("tcp", o.listen)
	if err != nil {
		return nil, command.Usagef("--listen %q: must be an address such as 127.0.0.1:8100", o.listen)
	}
	if !addr.IP.IsLoopback() && !o.listenAnywhere {
		return nil, command.Usagef("--listen %s: other machines reach this address and could read every message; add --listen-anywhere if they shall", o.listen)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr.String())
	if err != nil {
		return nil, fmt.Errorf("start the sandbox: %w; choose another address with --listen", err)
	}
	return ln, nil
}

// printSandbox says where the page is and how messages get here.
func printSandbox(w io.Writer, addr net.Addr, robots []sandbox.Robot, app sandbox.App) error {
	base := "http://" + reachable(addr)
	var b strings.Builder
	fmt.Fprintf(&b, "sandbox: messages appear on %s/\n", base)
	for _, r := range robots {
		c, err := sandboxConnection(base, r)
		if err != nil {
			return err
		}
		writeConnection(&b, c)
	}
	c, err := appConnection(base, app)
	if err != nil {
		return err
	}
	writeConnection(&b, c)
	b.WriteString("\nstop with Ctrl-C\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// writeConnection writes how to add a connection, in clear: it leads nowhere else.
func writeConnection(b *strings.Builder, c *connections.Connection) {
	fmt.Fprintf(b, "\nconnection %s, in the store or in the environment:\n", c.ID)
	fmt.Fprintf(b, "  dingdag connections add %s --conn-type %s --conn-host %s", shellQuote(c.ID), c.Type, c.GetHost())
	if c.Login != nil {
		fmt.Fprintf(b, " --conn-login %s", shellQuote(c.GetLogin()))
	}
	fmt.Fprintf(b, " --conn-password %s", c.GetPassword().Reveal())
	if c.Extra != nil {
		fmt.Fprintf(b, " --conn-extra %s", shellQuote(c.Extra.Reveal()))
	}
	b.WriteByte('\n')
	if variable.MatchString(c.ID) {
		fmt.Fprintf(b, "  export %s%s=%s\n", connections.EnvConn, strings.ToUpper(c.ID), shellQuote(string(c.JSON())))
	}
}

// reachable is the address under which this machine reaches a listener.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

// sandboxConnection is the connection that leads to a robot of a sandbox, with its rate if that is
// not DingTalk's.
func sandboxConnection(base string, r sandbox.Robot) (*connections.Connection, error) {
	attrs, extra := map[string]any{"conn_type": "dingding", "host": base, "password": r.Token}, map[string]any{}
	if r.Secret != "" {
		extra["secret"] = r.Secret
	}
	switch r.Rate.PerMinute {
	case 0, hook.DefaultRate:
	case -1:
		extra["rate"] = hook.MaxRate
	default:
		extra["rate"] = r.Rate.PerMinute
	}
	if len(extra) > 0 {
		attrs["extra"] = extra
	}
	return connections.FromAttributes(r.Name, attrs)
}

// variable is the end of a name that a shell can set.
var variable = regexp.MustCompile(`^\w+$`)

// plain is text that a shell takes as it is.
var plain = regexp.MustCompile(`^[\w./:-]+$`)

// shellQuote quotes text for a POSIX shell where it must be.
func shellQuote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// printArrivals prints each message as the group would see it, until ctx is done.
func printArrivals(ctx context.Context, w io.Writer, s *sandbox.Server) error {
	last := 0
	for ctx.Err() == nil {
		messages, err := s.WaitMessages(ctx, 1, sandbox.Filter{After: last})
		for _, m := range messages {
			if _, err := fmt.Fprintf(w, "\n%s", sandbox.PlainText(m)); err != nil {
				return err
			}
			last = m.ID
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}
