package card

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/card"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/store"
)

// Runs is what presses ask for. [*api.API] is one.
type Runs interface {
	Clear(ctx context.Context, r api.ClearRequest) (*api.Altered, error)
	AckAlerts(ctx context.Context, q api.AlertQuery, note string) (int, error)
	Snooze(ctx context.Context, q api.Snooze) (api.Silence, error)
	Log(ctx context.Context, q api.TryQuery) (*api.Log, error)
}

// PressStore is what presses need of the durable store.
type PressStore interface {
	Store
	// EventOfRef returns what was changed for an [store.Actor] with a Ref, or ErrNotFound.
	EventOfRef(ctx context.Context, ref string) (*store.Event, error)
}

// PressOptions configures [NewPresses]. All but Name are required.
type PressOptions struct {
	Store PressStore
	Hook  *hook.DingdingHook
	// Connections are those of the applications.
	Connections connections.Source
	// Runs are those of somebody.
	Runs func(who store.Actor) Runs
	// Asks are what tasks ask people, for somebody.
	Asks func(who store.Actor) Asks
	// Roles say who may. It is [*roles.Roles].
	Roles interface {
		Of(ctx context.Context, connID, userID string) (roles.Role, error)
	}
	// Drawn is told that a card wants to be redrawn.
	Drawn func()
	// Name is what people are called who have a userid in the organisation of a connection. It is [Keeper.Name]; nil means
	// their userids.
	Name   func(ctx context.Context, connID, userID string) string
	Masker *connections.Masker
	Clock  func() time.Time
	Log    *slog.Logger
}

// Presses carries out what people press. It is safe for concurrent use.
type Presses struct{ o PressOptions }

// NewPresses returns what carries presses out.
func NewPresses(o PressOptions) *Presses {
	if o.Name == nil {
		o.Name = func(_ context.Context, _, userID string) string { return userID }
	}
	return &Presses{o}
}

// Outcome is what came of a press.
type Outcome struct {
	// Said is for whoever pressed.
	Said string
	// Refused says that nothing was done.
	Refused bool
	// Shown says that the card tells it, to all or to whoever pressed.
	Shown bool
	// Pressed is what was pressed, nil where there is no such card.
	Pressed *store.ChatPressed
}

// Press carries out the press of a button of a card that the application of a connection has sent: once, however often
// it is delivered. An error that is [store.Temporary] means that it may succeed later.
func (p *Presses) Press(ctx context.Context, in *incoming.Press, connID string) (Outcome, error) {
	c, out, err := p.pressed(ctx, in, connID)
	if err != nil || c == nil {
		return out, err
	}
	if len(in.ActionIDs) == 1 {
		out.Pressed = &store.ChatPressed{Button: buttonOf(c, face.Action(in.ActionIDs[0])), DAGID: c.DAGID, RunID: c.RunID, TaskID: c.TaskID, MapIndex: c.MapIndex}
	}
	if !out.Refused && c.ClosedAt.IsZero() && !slices.Contains(in.ActionIDs, string(face.Log)) {
		out.Shown = true // the keeper draws it for everybody
		return out, nil
	}
	out.Shown = p.whisper(ctx, connID, in, out.Said)
	return out, nil
}

// buttonOf is what a button of a card says; its id where the card has no such button.
func buttonOf(c *store.CardNow, a face.Action) string {
	var f face.Face
	if json.Unmarshal(c.Face, &f) == nil {
		if option, ok := f.Chosen(a); ok {
			return option
		}
	}
	return cmp.Or(a.Text(), clip(string(a)))
}

// pressed is Press without what is shown. The card is nil where there is none that could show anything.
func (p *Presses) pressed(ctx context.Context, in *incoming.Press, connID string) (*store.CardNow, Outcome, error) {
	c, err := p.o.Store.Card(ctx, in.OutTrackID)
	sent := false
	if err == nil {
		sent, err = p.sameApp(ctx, c.ConnID, connID)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !sent:
		return nil, refuse("没有这张卡片，或其历史已清理。 There is no such card, or its history was removed."), nil
	case err != nil:
		return nil, Outcome{}, err
	case len(in.ActionIDs) != 1:
		return c, refuse(fmt.Sprintf("一次一个按钮。 One button at a time; this press has %d.", len(in.ActionIDs))), nil
	case in.UserID == "":
		return c, refuse("组织外的人不能操作。 People outside the organisation cannot press buttons."), nil
	}
	a := face.Action(in.ActionIDs[0])
	var f face.Face
	if err := json.Unmarshal(c.Face, &f); err != nil {
		return c, Outcome{}, fmt.Errorf("card %q can not be read: %w", c.OutTrackID, err)
	}
	if !slices.Contains(f.Actions, a) {
		return c, refuse(fmt.Sprintf("这张卡片没有按钮 %s。 This card has no button %s.", clip(string(a)), clip(string(a)))), nil
	}
	if c.Kind == store.AskCard {
		out, err := p.answer(ctx, c, f, a, in, connID)
		return c, out, err
	}
	least := roles.Operator
	if a == face.Log {
		least = roles.Viewer
	}
	is, err := p.o.Roles.Of(ctx, connID, in.UserID)
	switch {
	case is >= least: // also with an error: he has the role in any case
	case err != nil:
		return c, refuse("暂时无法确认权限，什么都没有做。 Nothing was done: who may press cannot be known now: " + p.o.Masker.Mask(err.Error())), nil
	default:
		return c, refuse(fmt.Sprintf("%s 无权操作，什么都没有做。 User %s has the role %s and may not do this; nothing was done. It takes the role %s, which the setting chat_%ss gives.",
			in.UserID, in.UserID, is, least, least)), nil
	}
	if failure := in.Params[face.FailureParam]; a.Clears() && failure != "" {
		// The button was drawn for a failure that somebody has had run again since, and not by this press.
		open, err := p.o.Store.OpenSilences(ctx)
		if err != nil {
			return c, Outcome{}, err
		}
		is := Look(c, open, p.o.Clock())
		if failure != is.Failure() && notedAs(c, connID+"/"+in.ID) < 0 {
			return c, p.useless(ctx, c, is, a, in.UserID), nil
		}
	}
	out, err := p.Do(ctx, c, a, store.Actor{Name: in.UserID, Via: store.ViaChat, Ref: connID + "/" + in.ID})
	return c, out, err
}

// sameApp reports whether two connections are of one application: only one of them receives what is pressed on the cards of
// both. A connection that cannot be read is of none.
func (p *Presses) sameApp(ctx context.Context, one, other string) (bool, error) {
	if one == other {
		return true, nil
	}
	var keys []string
	for _, id := range []string{one, other} {
		c, err := p.o.Connections.Connection(ctx, id)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			p.o.Log.Warn("whose card was pressed cannot be known", "conn_id", id, "error", p.o.Masker.Mask(err.Error()))
			return false, nil
		}
		keys = append(keys, c.GetLogin())
	}
	return keys[0] != "" && keys[0] == keys[1], nil
}

func refuse(text string) Outcome { return Outcome{Said: text, Refused: true} }

// clip bounds a text of strangers.
func clip(text string) string {
	if len(text) > 40 {
		text = strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}

// Do carries out an action of a card for somebody who may, whose Ref names the press. An error means that it may
// succeed later.
func (p *Presses) Do(ctx context.Context, c *store.CardNow, a face.Action, who store.Actor) (Outcome, error) {
	if a == face.Log {
		return p.log(ctx, c, who)
	}
	press := store.CardPress{OutTrackID: c.OutTrackID, Press: who.Ref, Action: string(a), By: who.Name, At: p.o.Clock()}
	if i := notedAs(c, press.Press); i >= 0 {
		return Outcome{Said: c.Presses[i].Said}, nil // it came again
	}
	if a.Clears() {
		// One clear for each failure that the card shows, whoever presses and however many do at once.
		who.Ref = fmt.Sprintf("card/%s/clear/%d", c.OutTrackID, len(clearsOf(c)))
	}
	switch before, err := p.o.Store.EventOfRef(ctx, who.Ref); {
	case err == nil && before.Actor.Name != press.By:
		return refuse(p.doneAlready(ctx, c, before.Actor.Name, before.At)), nil
	case err == nil: // the press came before, and perhaps a process has died since
		press.At = before.At
		return p.note(ctx, &press, "已完成。 It is done.")
	case !errors.Is(err, store.ErrNotFound):
		return Outcome{}, err
	}
	open, err := p.o.Store.OpenSilences(ctx)
	if err != nil {
		return Outcome{}, err
	}
	is := Look(c, open, p.o.Clock())
	if !is.Enabled(a) {
		return p.useless(ctx, c, is, a, press.By), nil
	}
	said, err := p.act(ctx, c, a, who)
	switch field := (*api.FieldError)(nil); {
	case errors.Is(err, store.ErrRepeated): // another press was faster
		if c, err = p.o.Store.Card(ctx, c.OutTrackID); err != nil {
			return Outcome{}, err
		}
		return p.Do(ctx, c, a, store.Actor{Name: press.By, Via: who.Via, Ref: press.Press})
	case errors.Is(err, store.ErrNotFound), errors.As(err, &field):
		return refuse("什么都没有做。 Nothing was done: " + p.o.Masker.Mask(err.Error())), nil
	case err != nil:
		return Outcome{}, err
	case said == "":
		return p.useless(ctx, c, is, a, press.By), nil
	}
	return p.note(ctx, &press, said)
}

// clearsOf are the presses that have cleared what a card tells of.
func clearsOf(c *store.CardNow) (all []*store.CardPress) {
	for _, p := range c.Presses {
		if face.Action(p.Action).Clears() {
			all = append(all, p)
		}
	}
	return all
}

// notedAs is where a card notes what a press did, -1 for nowhere.
func notedAs(c *store.CardNow, press string) int {
	return slices.IndexFunc(c.Presses, func(n *store.CardPress) bool { return n.Press == press })
}

func (p *Presses) doneAlready(ctx context.Context, c *store.CardNow, by string, at time.Time) string {
	by = p.o.Name(ctx, c.ConnID, by)
	return fmt.Sprintf("已由 %s 完成。 Done already by %s at %s.", by, by, at.UTC().Format(time.RFC3339))
}

// useless says why a button has no effect. For somebody who has pressed it before that is no refusal.
func (p *Presses) useless(ctx context.Context, c *store.CardNow, is face.Now, a face.Action, by string) Outcome {
	mine := slices.ContainsFunc(c.Presses, func(n *store.CardPress) bool { return n.Action == string(a) && n.By == by })
	cleared := clearsOf(c)
	switch {
	case a == face.Ack && !is.AckedAt.IsZero():
		seer := is.AckedBy
		if slices.ContainsFunc(c.Presses, func(n *store.CardPress) bool { return n.Action == string(a) && n.By == seer }) {
			seer = p.o.Name(ctx, c.ConnID, seer) // not one who did it in a terminal
		}
		return Outcome{Said: fmt.Sprintf("%s 已看到。 Seen already by %s.", seer, seer), Refused: is.AckedBy != by}
	case a == face.Snooze && !is.SnoozedUntil.IsZero():
		return Outcome{Said: "已静默。 Snoozed already until " + is.SnoozedUntil.UTC().Format(time.RFC3339) + ".", Refused: !mine}
	case a.Clears() && len(cleared) > 0:
		last := cleared[len(cleared)-1]
		return Outcome{Said: p.doneAlready(ctx, c, last.By, last.At), Refused: last.By != by || last.Action != string(a)}
	}
	return refuse(fmt.Sprintf("现在的状态是 %s，什么都没有做。 Nothing was done: the state is %s now.", is.Status, is.Status))
}

// act changes what the button is for, and says what it did; nothing when there was nothing to change.
func (p *Presses) act(ctx context.Context, c *store.CardNow, a face.Action, who store.Actor) (string, error) {
	runs := p.o.Runs(who)
	switch a {
	case face.Retry, face.Downstream:
		// A retry takes what the failure kept from running along, or the run would fail again. Of a mapped task only
		// what failed runs again, also with all below it.
		r := api.ClearRequest{DAGID: c.DAGID, RunID: c.RunID, Downstream: true, OnlyFailed: a == face.Retry || c.MapIndex >= 0}
		if c.TaskID != "" {
			r.TaskIDs = []string{c.TaskID}
		}
		done, err := runs.Clear(ctx, r)
		if err != nil || done.Instances() == 0 {
			return "", err
		}
		n, many := done.Instances(), "s"
		if n == 1 {
			many = ""
		}
		said := fmt.Sprintf("已清除 %d 个任务实例。 Cleared %d task instance%s.", n, n, many)
		if done.Paused {
			said += " DAG 已暂停。 The DAG is paused, so that they wait."
		}
		return said, nil
	case face.Ack:
		n, err := runs.AckAlerts(ctx, api.AlertQuery{IDs: []int64{c.DeliveryID}}, "")
		if err != nil || n == 0 {
			return "", err
		}
		return "已记录。 Noted.", nil
	case face.Snooze:
		s, err := runs.Snooze(ctx, api.Snooze{DAGID: c.DAGID, Until: p.o.Clock().Add(face.SnoozeFor), Reason: "card " + c.OutTrackID})
		if err != nil {
			return "", err
		}
		return "静默至 Snoozed until " + s.Until.UTC().Format(time.RFC3339) + ".", nil
	case face.Log:
	}
	return "", nil
}

// note records a press that had an effect, and has the card redrawn.
func (p *Presses) note(ctx context.Context, press *store.CardPress, said string) (Outcome, error) {
	press.Said = said
	if err := p.o.Store.Tx(ctx, func(tx store.Tx) error { return tx.PutCardPress(ctx, press) }); err != nil {
		return Outcome{}, err
	}
	p.o.Drawn()
	return Outcome{Said: said}, nil
}

// maxLog is how much of the end of a log is shown, in bytes.
const maxLog = 1500

// log is the end of the log of the try of a card.
func (p *Presses) log(ctx context.Context, c *store.CardNow, who store.Actor) (Outcome, error) {
	l, err := p.o.Runs(who).Log(ctx, api.TryQuery{DAGID: c.DAGID, RunID: c.RunID, TaskID: c.TaskID, MapIndex: c.MapIndex, Try: c.Try})
	if err == nil {
		var text string
		if text, err = tail(ctx, l, maxLog); err == nil {
			return Outcome{Said: "```\n" + strings.ReplaceAll(p.o.Masker.Mask(text), "```", "'''") + "\n```"}, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return refuse(p.o.Masker.Mask(err.Error())), nil
	}
	return Outcome{}, err
}

// tail is the end of a log, from the beginning of a line.
func tail(ctx context.Context, l *api.Log, most int64) (text string, err error) {
	in, err := l.Open(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	from := max(in.Size()-most, 0)
	all, err := io.ReadAll(io.NewSectionReader(in, from, in.Size()-from))
	text = strings.TrimSpace(strings.ToValidUTF8(string(all), ""))
	if _, rest, ok := strings.Cut(text, "\n"); ok && from > 0 {
		text = rest
	}
	return text, err
}

// whisper shows a text on the card to one person alone, as its variable note.
func (p *Presses) whisper(ctx context.Context, connID string, in *incoming.Press, text string) bool {
	if in.UserID == "" {
		return false
	}
	err := card.Update(ctx, p.o.Hook.App(connID), card.Change{OutTrackID: in.OutTrackID, Private: map[string]map[string]string{in.UserID: {"note": text}}})
	if err != nil {
		p.o.Log.Warn("what came of a press could not be shown", "card", in.OutTrackID, "conn_id", connID, "error", p.o.Masker.Mask(err.Error()))
	}
	return err == nil
}
