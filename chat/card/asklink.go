package card

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/store"
)

// AskLink leads to the page on which people answer what a task asks.
type AskLink struct {
	// ID is that of the ask, ConnID the connection through which the link left.
	ID     int64
	ConnID string
	// People are the userids of those whom the message went to; none for a group.
	People []string
	// Nonce tells the link from all others.
	Nonce string
	// Address is the IP address of whoever answers; empty when it is not known.
	Address string
}

func (l AskLink) actor() store.Actor {
	return Link{People: l.People, Nonce: l.Nonce, Address: l.Address}.actor()
}

// AskSight is what a task asks, for somebody with a link.
type AskSight struct {
	// Ask is nil where nothing is known of it.
	Ask *asks.Ask
	// Refusal says why the link answers nothing, empty when it would.
	Refusal string
}

// SeeAsk is what a task asks. It changes nothing.
func (p *Presses) SeeAsk(ctx context.Context, l AskLink) (*AskSight, error) {
	ask, err := p.o.Asks(l.actor()).Get(ctx, l.ID)
	if errors.Is(err, store.ErrNotFound) {
		return &AskSight{Refusal: "提问已不存在。 The run is gone, and with it what it asks."}, nil
	} else if err != nil {
		return nil, err
	}
	return &AskSight{Ask: &ask, Refusal: p.askMay(ctx, l, &ask)}, nil
}

// askMay says why nobody may answer by a link.
func (p *Presses) askMay(ctx context.Context, l AskLink, a *asks.Ask) string {
	if a.State != store.AskOpen {
		return settled(a)
	}
	if len(a.Assigned) == 0 {
		return p.linkMay(ctx, l.ConnID, Link{Action: face.Retry, People: l.People})
	}
	var names []string
	for _, x := range a.Assigned {
		if len(l.People) == 1 && l.People[0] == x.ID {
			return ""
		}
		names = append(names, x.String())
	}
	return fmt.Sprintf("只有 %s 可以回答，请在群里或单聊中发送：回答 %d 选项。 Only %s may answer, and this link does not tell who uses it. They answer in the chat: answer %d OPTION",
		strings.Join(names, ", "), a.ID, strings.Join(names, ", "), a.ID)
}

// settled says what became of an ask.
func settled(a *asks.Ask) string {
	at := ""
	if a.SettledAt != nil {
		at = " at " + a.SettledAt.UTC().Format(time.RFC3339)
	}
	chosen := strings.Join(a.Chosen, ", ")
	switch a.State {
	case store.AskAnswered:
		return fmt.Sprintf("已有人回答。 Answered already by %s%s: %s", a.RespondedBy, at, chosen)
	case store.AskDefaulted:
		return fmt.Sprintf("时间已到，采用默认值。 Time was over%s, and the defaults count: %s", at, chosen)
	case store.AskTimedOut:
		return fmt.Sprintf("时间已到，无人回答。 Time was over%s, and nobody had answered.", at)
	case store.AskOpen, store.AskClosed:
	}
	return fmt.Sprintf("不再需要回答。 No answer is needed any more%s: %s", at, a.Note)
}

// FollowAsk answers what a task asks with options and a JSON object of params, or nil. An error means that it may
// succeed later.
func (p *Presses) FollowAsk(ctx context.Context, l AskLink, chosen []string, input json.RawMessage) (Outcome, error) {
	who := l.actor()
	answered := Outcome{Said: fmt.Sprintf("已回答：%s。 Answered: %s.", strings.Join(chosen, ", "), strings.Join(chosen, ", "))}
	s, err := p.SeeAsk(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	if s.Refusal != "" {
		return refuse(s.Refusal), nil
	}
	by := store.Person{ID: who.Name}
	if i := slices.IndexFunc(s.Ask.Assigned, func(x store.Person) bool { return x.ID == by.ID }); i >= 0 {
		by = s.Ask.Assigned[i]
	}
	return p.respond(ctx, p.o.Asks(who), asks.Answer{ID: l.ID, Chosen: chosen, Input: input, By: by}, answered)
}
