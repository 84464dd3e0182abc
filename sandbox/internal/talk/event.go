package talk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// Happen is something that happens in the organisation.
type Happen struct {
	// App is an app key; empty tells all apps.
	App string `json:"app,omitempty"`
	// Type is the event type, for instance "user_add_org". "check_url" asks an address for a sign of life.
	Type string `json:"type"`
	// Data is a JSON object. Events over HTTP get EventType, CorpId and TimeStamp besides.
	Data json.RawMessage `json:"data,omitempty"`
}

// Happening is an event, and what became of it at one app.
type Happening struct {
	// ID is the eventId.
	ID   string          `json:"id"`
	Time time.Time       `json:"time"`
	App  string          `json:"app"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
	// Via is how it went to the app; empty when it did not, for the reason in Note.
	Via  string `json:"via,omitempty"`
	Note string `json:"note,omitempty"`
	// Delivery is the number of the delivery over the stream.
	Delivery int `json:"delivery,omitempty"`
	// Taken says that the address answered "success", signed and encrypted.
	Taken bool `json:"taken,omitempty"`
}

// Happen tells apps of something. It returns when all were told, with one entry for each app. The
// error wraps [core.ErrNotFound], or says what makes no sense.
func (s *Service) Happen(ctx context.Context, in Happen) ([]Happening, error) {
	fields := core.Object{}
	if len(in.Data) > 0 {
		if err := json.Unmarshal(in.Data, &fields); err != nil {
			return nil, fmt.Errorf("event %q: data must be a JSON object: %w", in.Type, err)
		}
	}
	if in.Type == "" {
		return nil, errors.New("event: type is missing")
	}
	events, out, err := s.happen(in, fields)
	if err != nil {
		return nil, err
	}
	for _, o := range out {
		s.tell(ctx, o)
	}
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(events), nil
}

// told is an event that goes out over HTTP once the lock is given back.
type told struct {
	app   core.App
	event *Happening
	plain []byte
	nonce string
	// random begins the plaintext.
	random string
}

func (s *Service) happen(in Happen, fields core.Object) (events []*Happening, out []told, err error) {
	s.core.Lock()
	defer s.core.Unlock()
	defer s.core.Touch()
	apps := s.core.AppList()
	if in.App != "" {
		app := s.core.App(in.App)
		if app == nil {
			return nil, nil, fmt.Errorf("event %q: app key %q: %w", in.Type, in.App, core.ErrNotFound)
		}
		apps = []*core.App{app}
	}
	for _, app := range apps {
		now := s.core.Now()
		e := &Happening{ID: s.core.Code(32), Time: now, App: app.AppKey, Type: in.Type, Data: core.Encode(fields)}
		events = append(events, e)
		switch {
		case app.EventURL != "":
			e.Via = ViaHTTP
			plain := core.Object{"EventType": in.Type}
			if in.Type != eventCheckURL {
				plain["CorpId"], plain["TimeStamp"] = s.core.CorpID, strconv.FormatInt(now.UnixMilli(), 10)
			}
			maps.Copy(plain, fields)
			out = append(out, told{app: *app, event: e, plain: core.Encode(plain), nonce: s.core.Code(8), random: s.core.Code(16)})
		case in.Type == eventCheckURL:
			e.Note = "the app has no address for events"
		case app.NoStream:
			e.Note = "the app has neither chosen stream mode nor an address for events"
		default:
			e.Via = ViaStream
			data := e.Data
			e.Delivery = s.core.Stream.Push(app, core.Push{
				Type: core.PushEvent, Topic: "*", Data: func(string) []byte { return data },
				Headers: map[string]string{
					"eventType": in.Type, "eventId": e.ID, "eventCorpId": s.core.CorpID,
					"eventBornTime": strconv.FormatInt(now.UnixMilli(), 10), "eventUnifiedAppId": app.AppKey,
				},
			})
		}
	}
	s.seen = core.Last(append(s.seen, events...), s.core.Keep())
	return events, out, nil
}

// eventCheckURL is the first push to an address.
const eventCheckURL = "check_url"

// tell posts an event and checks the answer.
func (s *Service) tell(ctx context.Context, o told) {
	err := s.push(ctx, o)
	s.core.Lock()
	defer s.core.Unlock()
	o.event.Taken = err == nil
	if err != nil {
		o.event.Note = err.Error()
	}
	s.core.Touch()
}

func (s *Service) push(ctx context.Context, o told) error {
	seal := Seal{Token: o.app.EventToken, AESKey: o.app.EventAESKey, Owner: o.app.AppKey}
	timestamp := strconv.FormatInt(o.event.Time.UnixMilli(), 10)
	encrypted, err := seal.Encrypt(o.random, string(o.plain))
	if err != nil {
		return err
	}
	to, err := url.Parse(o.app.EventURL)
	if err != nil {
		return fmt.Errorf("address for events: %w", err)
	}
	q := to.Query()
	q.Set("msg_signature", seal.Signature(timestamp, o.nonce, encrypted))
	q.Set("timestamp", timestamp)
	q.Set("nonce", o.nonce)
	to.RawQuery = q.Encode()
	status, answer, err := s.core.Post(ctx, to.String(), http.Header{}, core.Encode(core.Object{"encrypt": encrypted}))
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the app answered status %d", status)
	}
	return seal.checkAnswer(answer)
}

// Happenings lists what the organisation told apps, oldest first.
func (s *Service) Happenings() []Happening {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.seen)
}

// checkAnswer makes sure that an answer is "success", signed and encrypted.
func (k Seal) checkAnswer(raw []byte) error {
	var a struct {
		Signature string          `json:"msg_signature"`
		TimeStamp json.RawMessage `json:"timeStamp"`
		Nonce     string          `json:"nonce"`
		Encrypt   string          `json:"encrypt"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the answer is not the encrypted success: %w", err)
	}
	var timestamp string
	if json.Unmarshal(a.TimeStamp, &timestamp) != nil {
		timestamp = string(a.TimeStamp) // some write a number
	}
	if a.Signature != k.Signature(timestamp, a.Nonce, a.Encrypt) {
		return errors.New("the signature of the answer is wrong")
	}
	plain, err := k.Decrypt(a.Encrypt)
	if err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	if plain != "success" {
		return fmt.Errorf("the answer is %q and not success", cmp.Or(plain, "empty"))
	}
	return nil
}
