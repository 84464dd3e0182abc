package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// Callback is a decoded callback with what renders it. Make some with [Bind].
type Callback struct {
	name string
	pos  dag.Position
	spec callbacks.Spec
	cb   callbacks.Callback
	// broken says why there is none.
	broken error
}

// asked is the callback with its place, as the record of a message has it.
func (b Callback) asked() string {
	if b.pos.File == "" {
		return b.name
	}
	return fmt.Sprintf("%s (%s:%d)", b.name, b.pos.File, b.pos.Line)
}

// Renderer gives what renders one templated field of a callback, by its name and text.
// namesFile reports whether a text names a template file.
type Renderer func(tc *template.Context, namesFile func(field, text string) bool) func(field, text string) (any, error)

// Bind decodes callbacks that a DAG file or a setting names.
func Bind(reg *callbacks.Registry, cs []dag.Callback) ([]Callback, error) {
	var (
		out  []Callback
		errs []error
	)
	for _, c := range cs {
		spec, ok := reg.Lookup(c.Name)
		if !ok {
			errs = append(errs, fmt.Errorf("unknown callback %q", c.Name))
			continue
		}
		cb, problems := spec.Decode(c.Args)
		if err := params.FirstError(problems); err != nil {
			errs = append(errs, fmt.Errorf("callback %q: %w", c.Name, err))
			continue
		}
		out = append(out, Callback{name: spec.Name, pos: c.Pos, spec: spec, cb: cb})
	}
	return out, errors.Join(errs...)
}

// Named is the callback with a name and parameters. What is wrong with these is told when it is prepared, as by one that
// can't say what it has to say.
func (o *Outbox) Named(name string, parameters map[string]any) Callback {
	c := dag.Callback{Name: name, Args: &yaml.Node{}}
	err := c.Args.Encode(parameters)
	if err == nil {
		var bound []Callback
		if bound, err = Bind(o.o.Callbacks, []dag.Callback{c}); err == nil {
			return bound[0]
		}
	}
	return Callback{name: name, broken: err}
}

// Prepare lets callbacks say what they have to say about an event, for the transaction that
// stores the event. One that can't say it tells the event by its default message, or leaves a
// record of why it tells nothing; it does not silence the others.
func (o *Outbox) Prepare(cbs []Callback, ev *callbacks.Event, tc *template.Context, render Renderer) (out []*store.Delivery) {
	for _, b := range cbs {
		told := *ev
		m, err := o.prepareOne(render, b, &told, tc)
		if err != nil {
			o.o.Log.Error("a callback could not be prepared", "callback", b.name, "event", ev.Kind, "dag", ev.DAGID, "run", ev.RunID,
				"task", ev.TaskID, "error", o.o.Masker.Mask(err.Error()))
			told.Problem = o.o.Masker.Mask(err.Error())
			m, err = o.prepareDefault(render, b, &told, tc, err)
		}
		if err == nil {
			d := o.delivery(m, &told)
			d.Callback = b.asked()
			out = append(out, d)
			continue
		}
		d := o.delivery(callbacks.Message{
			Sender: b.name, Channel: b.name, Payload: json.RawMessage("null"), Summary: fmt.Sprintf("%s of %s by callback %s", ev.Kind, ev.Subject(), b.name),
		}, &told)
		d.Callback, d.State, d.Error = b.asked(), store.DeliveryRefused, o.o.Masker.Mask(err.Error())
		out = append(append(out, d), o.lastResort(d, &trail{Event: &told})...)
	}
	return out
}

// delivery is a message in the outbox.
func (o *Outbox) delivery(m callbacks.Message, ev *callbacks.Event) *store.Delivery {
	now := o.now()
	data, err := json.Marshal(ev)
	if err != nil { // times and texts encode
		o.o.Log.Error("encode an event", "error", err)
	}
	rank := rankOf(ev.Kind)
	if m.Urgent {
		rank = gate.Urgent
	}
	d := &store.Delivery{
		State: store.DeliveryWaiting, Channel: m.Channel, Sender: m.Sender, Summary: m.Summary, Payload: m.Payload, EventData: data,
		Owner:     store.Owner{Event: string(ev.Kind), DAGID: ev.DAGID, RunID: ev.RunID, TaskID: ev.TaskID, MapIndex: ev.MapIndex, Try: ev.TryNumber},
		CreatedAt: now, UpdatedAt: now, Priority: int(rank),
		DedupeKey: o.o.Masker.Mask(m.Terms.DedupeKey), DedupeFor: m.Terms.DedupeWindow,
	}
	if c := m.Card; c != nil {
		d.Card = &store.Card{
			OutTrackID: c.OutTrackID, ConnID: c.ConnID, Kind: kindOf(ev.Kind), OpenConversationID: c.OpenConversationID, UserIDs: c.UserIDs,
			DAGID: ev.DAGID, RunID: ev.RunID, TaskID: ev.TaskID, MapIndex: ev.MapIndex, Try: ev.TryNumber, Face: c.Face, MadeAt: now, UpdatedAt: now,
		}
	}
	return d
}

// kindOf is the kind of a card that tells of an event.
func kindOf(k callbacks.Kind) store.CardKind {
	if k == callbacks.Asked {
		return store.AskCard
	}
	return store.AlertCard
}

// withFields adds the templated parameters of a callback to what its templates may name,
// as they stand in the file (Airflow, BaseNotifier).
func withFields(tc *template.Context, b Callback) *template.Context {
	own := *tc
	own.Extra = maps.Clone(tc.Extra)
	if own.Extra == nil {
		own.Extra = map[string]any{}
	}
	values := b.spec.Values(b.cb)
	for _, f := range b.spec.Fields() {
		if f.Template {
			own.Extra[f.Name] = values[f.Name]
		}
	}
	return &own
}

// prepareOne renders one callback and lets it write its message.
func (o *Outbox) prepareOne(render Renderer, b Callback, ev *callbacks.Event, tc *template.Context) (m callbacks.Message, err error) {
	defer recovered(&err)
	if b.broken != nil {
		return m, b.broken
	}
	cb, err := b.spec.Render(b.cb, render(withFields(tc, b), b.spec.NamesFile))
	if err != nil {
		return m, fmt.Errorf("the callback's template failed: %w", err)
	}
	if c, ok := cb.(callbacks.RenderChecker); ok {
		if err := c.CheckRendered(b.cb); err != nil {
			return m, err
		}
	}
	return prepareRendered(b, cb, ev)
}

func prepareRendered(b Callback, cb callbacks.Callback, ev *callbacks.Event) (callbacks.Message, error) {
	m, err := cb.Prepare(ev)
	if err == nil && strings.TrimSpace(m.Sender) == "" {
		err = fmt.Errorf("callback %q names no sender", b.name)
	}
	if t, ok := cb.(callbacks.Termed); ok && m.Terms == (callbacks.Terms{}) {
		m.Terms = t.Terms()
	}
	return m, err
}

// prepareDefault lets a callback that failed with cause tell the event by its default
// message. What renders of its parameters still counts: where to, and whom to name.
func (o *Outbox) prepareDefault(render Renderer, b Callback, ev *callbacks.Event, tc *template.Context, cause error) (m callbacks.Message, err error) {
	defer recovered(&err)
	if b.broken != nil {
		return m, cause
	}
	var lost []string
	value := render(withFields(tc, b), b.spec.NamesFile)
	cb, err := b.spec.Render(b.cb, func(name, text string) (v any, err error) {
		defer func() {
			if recovered(&err); err != nil {
				lost = append(lost, name)
				v, err = "", nil
			}
		}()
		return value(name, text)
	})
	if err != nil {
		return m, cause
	}
	f, ok := cb.(callbacks.Fallback)
	if !ok {
		return m, cause
	}
	if cb, err = f.Fallback(lost); err != nil {
		return m, fmt.Errorf("%w; %w", cause, err)
	}
	return prepareRendered(b, cb, ev)
}

// recovered turns a panic of a callback into an error. It is to be deferred.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the callback panicked: %v", r)
	}
}
