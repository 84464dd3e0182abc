package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/sandbox"
)

// listening lets people write to the bot and press the buttons of cards while the work goes on.
func listening(ctx context.Context, talk *chat.Service, cards *card.Keeper, work func(context.Context) error) error {
	beside, stop := context.WithCancel(ctx)
	var both sync.WaitGroup
	defer both.Wait()
	defer stop()
	both.Go(func() { talk.Run(beside) })
	both.Go(func() { cards.Run(beside) })
	return work(ctx)
}

// mendFromTheGroup does about example_oncall_commands what somebody on call would do with a telephone: asks the bot what is
// wrong and, once the cause is mended, presses a button of the card.
func (d *demo) mendFromTheGroup(ctx context.Context) error {
	const broken = "example_oncall_commands"
	var alert sandbox.Message
	for _, m := range d.box.Messages(sandbox.Filter{Conversation: sandbox.DemoConversationID}) {
		if m.Type == sandbox.TypeCard && strings.Contains(m.Content.Title, broken) {
			alert = m
		}
	}
	if alert.Key == "" {
		return errors.New("no card came about " + broken)
	}
	if err := d.ask(ctx, "status "+broken); err != nil {
		return err
	}
	if _, err := d.app.APIOn(d.store).SetVariables(ctx, map[string]connections.Variable{"primary_database": {Value: "up"}}, api.Overwrite); err != nil {
		return err
	}
	d.progress.say("dingdag variables set primary_database up")
	d.progress.say(who() + " presses " + face.Retry.Text())
	if _, err := d.box.Press(ctx, sandbox.Press{Card: alert.Key, From: onCall, Action: string(face.Retry)}); err != nil {
		return fmt.Errorf("press a button of the card: %w", err)
	}
	if _, err := d.box.WaitCard(ctx, alert.Key, func(c sandbox.Card) bool { return c.Params["color"] == "green" }); err != nil {
		return fmt.Errorf("the card about %s: %w", broken, err)
	}
	if err := d.wait(ctx); err != nil {
		return err
	}
	for _, m := range d.box.Messages(sandbox.Filter{Conversation: sandbox.DemoConversationID}) {
		if m.Key == alert.Key {
			d.progress.say("The card now:\n" + sandbox.PlainText(m))
		}
	}
	return nil
}

// startedByMessage is the example that only what people write starts.
const startedByMessage = "example_message_triggers"

// startFromTheGroup writes the message for which example_message_triggers waits.
func (d *demo) startFromTheGroup(ctx context.Context) error {
	if _, err := d.write(ctx, "release billing"); err != nil {
		return err
	}
	d.written = true
	return d.wait(ctx)
}

// write writes something in the group.
func (d *demo) write(ctx context.Context, text string) (sandbox.Said, error) {
	said, err := d.box.Say(ctx, sandbox.Say{App: demoApp().AppKey, Conversation: sandbox.DemoConversationID, From: onCall, Text: "@" + demoApp().Name + " " + text})
	if err != nil {
		return said, fmt.Errorf("write to the bot: %w", err)
	}
	d.progress.say(who() + " writes: " + said.Text)
	return said, nil
}

// ask writes something in the group, and prints what is answered.
func (d *demo) ask(ctx context.Context, text string) error {
	said, err := d.write(ctx, text)
	if err != nil {
		return err
	}
	if _, err := d.box.WaitMessages(ctx, 1, sandbox.Filter{Conversation: said.Conversation, After: said.After}); err != nil {
		return fmt.Errorf("the answer to %q: %w", text, err)
	}
	d.printMessages()
	return nil
}

// who is the name of the person on call.
func who() string {
	for _, u := range sandbox.DemoOrganisation().Users {
		if u.UserID == onCall {
			return u.Name
		}
	}
	return onCall
}
