package card

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/store"
)

// Asks are what tasks ask people. [*asks.Asks] are some.
type Asks interface {
	Get(ctx context.Context, id int64) (asks.Ask, error)
	Respond(ctx context.Context, r asks.Answer) (asks.Ask, error)
}

// lookAsk is what has become of what a card asks.
func (k *Keeper) lookAsk(ctx context.Context, c *store.CardNow, f face.Face, now time.Time) (face.Now, error) {
	if f.Ask == nil {
		return face.Now{Status: face.Gone}, nil
	}
	a, err := k.o.Store.Ask(ctx, f.Ask.ID)
	if errors.Is(err, store.ErrNotFound) {
		return face.Now{Status: face.Gone}, nil
	}
	if err != nil {
		return face.Now{}, err
	}
	out := &face.Outcome{Chosen: a.Chosen, At: a.SettledAt}
	switch a.State {
	case store.AskAnswered:
		out.By = a.RespondedBy.String()
		if out.By == a.RespondedBy.ID { // the name was not known to who answered
			out.By = k.name(ctx, c.ConnID, out.By, now)
		}
		return face.Now{Status: face.Answered, Outcome: out}, nil
	case store.AskDefaulted:
		return face.Now{Status: face.Defaulted, Outcome: out}, nil
	case store.AskTimedOut:
		return face.Now{Status: face.Unanswered, Outcome: out}, nil
	case store.AskClosed:
		out.Note = a.Note
		return face.Now{Status: face.Needless, Outcome: out}, nil
	case store.AskOpen:
	}
	return face.Now{Status: face.Asking}, nil
}

// answer answers what a card asks with the option of a button. Those who are assigned need no role; what asks everybody
// takes an operator.
func (p *Presses) answer(ctx context.Context, c *store.CardNow, f face.Face, a face.Action, in *incoming.Press, connID string) (Outcome, error) {
	option, ok := f.Chosen(a)
	if !ok {
		return Outcome{}, fmt.Errorf("card %q asks nothing", c.OutTrackID)
	}
	who := store.Actor{Name: in.UserID, Via: store.ViaChat, Ref: connID + "/" + in.ID}
	answered := Outcome{Said: fmt.Sprintf("已回答：%s。 Answered: %s.", option, option)}
	if _, err := p.o.Store.EventOfRef(ctx, who.Ref); err == nil { // the press came before
		p.o.Drawn()
		return answered, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return Outcome{}, err
	}
	of := p.o.Asks(who)
	ask, err := of.Get(ctx, f.Ask.ID)
	if errors.Is(err, store.ErrNotFound) {
		return refuse("提问已不存在，什么都没有做。 Nothing was done: the run is gone, and with it what it asks."), nil
	}
	if err != nil {
		return Outcome{}, err
	}
	if len(ask.Assigned) == 0 {
		is, err := p.o.Roles.Of(ctx, connID, in.UserID)
		if err != nil {
			return refuse("暂时无法确认权限，什么都没有做。 Nothing was done: who may answer cannot be known now: " + p.o.Masker.Mask(err.Error())), nil
		}
		if is < roles.Operator {
			return refuse(fmt.Sprintf("%s 无权回答，什么都没有做。 User %s has the role %s and may not answer; nothing was done. It takes the role %s, which the setting chat_%ss gives, or assigned_users of the task.",
				in.UserID, in.UserID, is, roles.Operator, roles.Operator)), nil
		}
	}
	by := store.Person{ID: in.UserID}
	if i := slices.IndexFunc(ask.Assigned, func(x store.Person) bool { return x.ID == by.ID }); i >= 0 {
		by = ask.Assigned[i]
	}
	return p.respond(ctx, of, asks.Answer{ID: f.Ask.ID, Chosen: []string{option}, By: by}, answered)
}

// respond answers, and says what came of it.
func (p *Presses) respond(ctx context.Context, of Asks, r asks.Answer, answered Outcome) (Outcome, error) {
	_, err := of.Respond(ctx, r)
	var field *api.FieldError
	switch {
	case err == nil, errors.Is(err, store.ErrRepeated):
		p.o.Drawn()
		return answered, nil
	case errors.Is(err, asks.ErrSettled):
		return p.late(ctx, of, r.ID, err)
	case errors.Is(err, asks.ErrNotAssigned), errors.Is(err, store.ErrNotFound), errors.As(err, &field):
		return refuse("什么都没有做。 Nothing was done: " + p.o.Masker.Mask(err.Error())), nil
	default:
		return Outcome{}, err
	}
}

// late says who was faster than an answer that came too late.
func (p *Presses) late(ctx context.Context, of Asks, id int64, cause error) (Outcome, error) {
	p.o.Drawn()
	switch a, err := of.Get(ctx, id); {
	case err == nil && a.RespondedBy != nil && a.SettledAt != nil:
		return refuse(fmt.Sprintf("已有人回答。 Answered already by %s at %s: %s.", a.RespondedBy, a.SettledAt.Format(time.RFC3339), strings.Join(a.Chosen, ", "))), nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return Outcome{}, err
	}
	return refuse("什么都没有做。 Nothing was done: " + p.o.Masker.Mask(cause.Error())), nil
}
