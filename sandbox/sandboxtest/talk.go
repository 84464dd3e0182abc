package sandboxtest

import (
	"context"

	"github.com/dingdag/dingdag/sandbox"
)

// Say lets a member write a text, and returns when it was handed to the bot. In a group, of which
// conversation is the openConversationId, the text mentions the bot, which is put in front when the
// group has one bot alone. Otherwise conversation is the app key of the bot that the member writes to. It ends
// the test when that makes no sense; [sandbox.Server.Say] can say more.
func (s *Sandbox) Say(userID, conversation, text string) sandbox.Said {
	s.tb.Helper()
	return s.SayAs(sandbox.Say{From: userID}, conversation, text)
}

// SayAs is [Sandbox.Say] with more fields, for instance Outsider in place of From.
func (s *Sandbox) SayAs(in sandbox.Say, conversation, text string) sandbox.Said {
	s.tb.Helper()
	in.Text = text
	if c, err := s.Chat(conversation); err == nil {
		in.Conversation = c.OpenConversationID
		if len(c.Bots) == 1 {
			in.App = c.Bots[0]
			in.Text = "@" + s.nameOf(in.App) + " " + text
		}
	} else {
		in.App = conversation
	}
	said, err := s.Server.Say(s.tb.Context(), in)
	if err != nil {
		s.tb.Fatal(err)
	}
	return said
}

func (s *Sandbox) nameOf(appKey string) string {
	for _, a := range s.Apps() {
		if a.AppKey == appKey {
			return a.Name
		}
	}
	return appKey
}

// WaitAnswers waits until the bot has written n messages into the conversation since something was
// said there, and returns all there are, oldest first. After ten seconds it ends the test.
func (s *Sandbox) WaitAnswers(said sandbox.Said, n int) []sandbox.Message {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	found, err := s.Server.WaitMessages(ctx, n, sandbox.Filter{Conversation: said.Conversation, After: said.After})
	if err != nil {
		for _, d := range s.Deliveries() {
			s.tb.Logf("delivery %d of %s: sent %d times, answer %+v", d.ID, d.Topic, len(d.Sent), d.Answer)
		}
		s.tb.Fatalf("answers to %q: %v", said.Text, err)
	}
	return found
}

// Press lets a member press a button of a card, named by its outTrackId and the action of the button. It
// returns when the press was handed to the app. It ends the test when nobody can press that; [sandbox.Server.Press] can do more.
func (s *Sandbox) Press(userID, card, action string) sandbox.Pressed {
	s.tb.Helper()
	pressed, err := s.Server.Press(s.tb.Context(), sandbox.Press{From: userID, Card: card, Action: action})
	if err != nil {
		s.tb.Fatal(err)
	}
	return pressed
}

// WaitCard waits until a card satisfies a condition, and returns it. After ten seconds it ends the test.
func (s *Sandbox) WaitCard(outTrackID string, until func(sandbox.Card) bool) sandbox.Card {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	card, err := s.Server.WaitCard(ctx, outTrackID, until)
	if err != nil {
		s.tb.Fatalf("%v; its variables are %v", err, card.Params)
	}
	return card
}

// WaitStreams waits until an app has exactly n streams that get deliveries. After ten seconds it ends the test.
func (s *Sandbox) WaitStreams(app sandbox.App, n int) []sandbox.Connection {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	found, err := s.WaitConnections(ctx, app.AppKey, n)
	if err != nil {
		s.tb.Fatal(err)
	}
	return found
}

// WaitAnswered waits until the app has answered n deliveries, so that they do not come again, and returns all there
// are. After ten seconds it ends the test.
func (s *Sandbox) WaitAnswered(n int) []sandbox.Delivery {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	list, err := s.WaitDeliveries(ctx, func(all []sandbox.Delivery) bool { return answered(all) >= n })
	if err != nil {
		s.tb.Fatalf("%d of %d deliveries were answered: %v", answered(list), n, err)
	}
	return list
}

func answered(all []sandbox.Delivery) int {
	n := 0
	for _, d := range all {
		if d.Answer != nil {
			n++
		}
	}
	return n
}

// StreamFault switches a fault of streams on. It ends the test when the fault makes no sense.
func (s *Sandbox) StreamFault(f sandbox.StreamFault) {
	s.tb.Helper()
	if err := s.AddStreamFault(f); err != nil {
		s.tb.Fatal(err)
	}
}
