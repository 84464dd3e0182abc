package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/sandbox"
)

// person is somebody in the group of a running sandbox.
type person struct {
	app *app.App
	// base is the address of the sandbox.
	base, userID string
	alone        bool
	// patience is how long to wait for what comes of it.
	patience time.Duration
}

var errNoCard = errors.New("the group has no card")

// maxAnswer bounds what is read from a sandbox, in bytes.
const maxAnswer = 16 << 20

func (p *person) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.base, "sandbox", "http://127.0.0.1:8100", "address of the sandbox")
	f.StringVar(&p.userID, "as", onCall, "userid of the person")
	f.DurationVar(&p.patience, "wait", 10*time.Second, "how long to wait for what comes of it")
}

func newCmdSay(a *app.App) *cobra.Command {
	p := &person{app: a}
	cmd := &cobra.Command{
		Use:   "say TEXT",
		Short: "Write to the bot in a running sandbox, and show the answer",
		Long: `Writes to the bot of dingtalk_default as somebody in the group of the sandbox, whose text
mentions the bot, and prints the answer.`,
		Example: `  dingdag sandbox say help
  dingdag sandbox say 'status etl' --as user003
  dingdag sandbox say whoami --alone`,
		Args: command.ExactArgs("TEXT"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.say(cmd.Context(), args[0]) },
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&p.alone, "alone", false, "write to the bot one-to-one instead of in the group")
	return cmd
}

func newCmdPress(a *app.App) *cobra.Command {
	p := &person{app: a}
	var card string
	cmd := &cobra.Command{
		Use:   "press ACTION",
		Short: "Press a button of a card in a running sandbox, and show the card",
		Long: `Presses a button of the newest card in the group of the sandbox that has it, and prints the card as
it is once the press has come to something. The actions of an alert are retry,
clear_downstream, ack, snooze and log.`,
		Example: `  dingdag sandbox press retry
  dingdag sandbox press ack --as user003 --card dingdag-0123456789abcdef`,
		Args: command.ExactArgs("ACTION"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.press(cmd.Context(), card, args[0]) },
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&card, "card", "", "outTrackId of the card (default the newest one with the button)")
	return cmd
}

func (p *person) say(ctx context.Context, text string) error {
	in := sandbox.Say{App: demoApp().AppKey, From: p.userID, Text: text}
	if !p.alone {
		in.Conversation, in.Text = sandbox.DemoConversationID, "@"+demoApp().Name+" "+text
	}
	var said sandbox.Said
	if err := p.call(ctx, http.MethodPost, "said", nil, in, &said); err != nil {
		return err
	}
	if said.Via == "" {
		return fmt.Errorf("the bot did not get it: %s", said.Note)
	}
	return p.until(ctx, "nothing was answered", func(ctx context.Context) (bool, error) {
		ms, err := p.messages(ctx, sandbox.Filter{Conversation: said.Conversation, After: said.After})
		answered := false
		for _, m := range ms {
			if m.ReplyTo == said.ID {
				answered = true
				fmt.Fprint(p.app.Out, sandbox.PlainText(m))
			}
		}
		return answered, err
	})
}

func (p *person) press(ctx context.Context, card, action string) error {
	var missing error
	err := p.until(ctx, "no such card came", func(ctx context.Context) (bool, error) {
		drawn, err := p.drawn(ctx, card, action)
		if errors.Is(err, errNoCard) {
			missing = err
			return false, nil // it may be on its way
		}
		card = cmp.Or(drawn.Key, card)
		return true, err
	})
	if err != nil {
		return cmp.Or(missing, err)
	}
	path := "cards/" + url.PathEscape(card)
	var before sandbox.Card
	if err := p.call(ctx, http.MethodGet, path, nil, nil, &before); err != nil {
		return err
	}
	var pressed sandbox.Pressed
	if err := p.call(ctx, http.MethodPost, "presses", nil, sandbox.Press{Card: card, From: p.userID, Action: action}, &pressed); err != nil {
		return err
	}
	if pressed.Via == "" {
		return fmt.Errorf("nobody was told of the press: %s", pressed.Note)
	}
	runs := action == string(face.Retry) || action == string(face.Downstream)
	return p.until(ctx, "the card does not change", func(ctx context.Context) (bool, error) {
		var now sandbox.Card
		if err := p.call(ctx, http.MethodGet, path, nil, nil, &now); err != nil {
			return false, err
		}
		mine := now.Private[p.userID]
		refused := !maps.Equal(mine, before.Private[p.userID]) // a person is told alone what concerns nobody else
		changed := !maps.Equal(now.Params, before.Params)
		if slices.Contains(face.Actions(), face.Action(action)) { // the footer says who did it; all else may change by itself
			changed = now.Params["footer"] != before.Params["footer"]
		}
		if runs { // it is shown once it has run
			changed = changed && now.Params["status"] != before.Params["status"] && now.Params["color"] != "blue"
		}
		if !changed && !refused {
			return false, nil
		}
		drawn, err := p.drawn(ctx, card, "")
		if err != nil {
			return false, err
		}
		fmt.Fprint(p.app.Out, sandbox.PlainText(drawn))
		if refused {
			fmt.Fprintf(p.app.Out, "for %s alone: %s\n", p.userID, cmp.Or(mine["note"], fmt.Sprint(mine)))
		}
		return true, nil
	})
}

// drawn is a card as the group sees it, or else the newest one with a button that can be pressed.
func (p *person) drawn(ctx context.Context, card, action string) (found sandbox.Message, err error) {
	ms, err := p.messages(ctx, sandbox.Filter{Conversation: sandbox.DemoConversationID, Type: sandbox.TypeCard})
	if err != nil {
		return found, err
	}
	for _, m := range ms {
		if card != "" && m.Key == card {
			return m, nil
		}
		for _, b := range m.Content.Buttons {
			if card == "" && b.Action == action && !b.Disabled {
				found = m
			}
		}
	}
	switch {
	case found.Key != "":
		return found, nil
	case card != "":
		return found, fmt.Errorf("%w %s", errNoCard, card)
	default:
		return found, fmt.Errorf("%w with a button %s that can be pressed", errNoCard, action)
	}
}

func (p *person) messages(ctx context.Context, f sandbox.Filter) ([]sandbox.Message, error) {
	var got struct {
		Messages []sandbox.Message `json:"messages"`
	}
	q := url.Values{"conversation": {f.Conversation}, "type": {f.Type}, "after": {strconv.Itoa(f.After)}}
	err := p.call(ctx, http.MethodGet, "messages", q, nil, &got)
	return got.Messages, err
}

// until asks again and again whether it is over.
func (p *person) until(ctx context.Context, not string, over func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.patience,
		fmt.Errorf("%s within %s: does dingdag standalone run, with the connection that the sandbox prints? dingdag chat log shows what became of what arrived", not, p.patience))
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		done, err := over(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case done || err != nil:
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// call asks the JSON API of the sandbox.
func (p *person) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	var content io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	address, err := url.Parse(strings.TrimRight(p.base, "/") + "/sandbox/api/" + path)
	if err != nil || address.Host == "" {
		return command.Usagef("--sandbox %q: must be an address such as http://127.0.0.1:8100", p.base)
	}
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, address.String(), content)
	if err != nil {
		return command.UsageError{Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: p.patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the sandbox: %w; start it with dingdag sandbox, or name its address with --sandbox", errors.Unwrap(err))
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of the sandbox: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(answer, &refusal) != nil || refusal.Error == "" {
			refusal.Error = resp.Status
		}
		return fmt.Errorf("the sandbox: %s", refusal.Error)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w; is it a sandbox?", p.base, err)
	}
	return nil
}
