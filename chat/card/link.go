package card

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/store"
)

// Link is a button of a message in place of a card, which whoever has the link presses on a page.
type Link struct {
	OutTrackID string
	Action     face.Action
	// People are the userids of those whom the message went to; none for a group.
	People []string
	// Nonce tells the link from all others.
	Nonce string
	// Address is the IP address of whoever presses; empty when it is not known.
	Address string
}

// Sight is what a link would do, and how things are.
type Sight struct {
	// Title is that of the message. Card is what it tells of, nil where nothing is known of it.
	Title string
	Card  *store.CardNow
	// Status is what has become of it, Error the last line of the error of its last failed try.
	Status face.Status
	Error  string
	// Refusal says why the link does nothing, empty when it would do what it says.
	Refusal string
	// stale says that it does nothing since things have changed.
	stale bool
}

// group is who acts by a link that a group has.
const group = "group"

// actor is who presses.
func (l Link) actor() store.Actor {
	name := strings.Join(l.People, ", ")
	if name == "" {
		name = group
	}
	return store.Actor{Name: name, Via: store.ViaLink, Ref: "link/" + l.Nonce, Address: l.Address}
}

// See is what a link would do. It changes nothing.
func (p *Presses) See(ctx context.Context, l Link) (*Sight, error) {
	c, err := p.o.Store.Card(ctx, l.OutTrackID)
	if errors.Is(err, store.ErrNotFound) {
		return &Sight{Status: face.Gone, Refusal: "没有这条消息的记录，或其历史已清理。 Nothing is known of this message, or its history was removed."}, nil
	} else if err != nil {
		return nil, err
	}
	var f face.Face
	if err := json.Unmarshal(c.Face, &f); err != nil {
		return nil, fmt.Errorf("card %q can not be read: %w", c.OutTrackID, err)
	}
	open, err := p.o.Store.OpenSilences(ctx)
	if err != nil {
		return nil, err
	}
	is := Look(c, open, p.o.Clock())
	s := &Sight{Title: f.Title, Card: c, Status: is.Status}
	if s.Error, err = p.lastError(ctx, c); err != nil {
		return nil, err
	}
	used := notedAs(c, l.actor().Ref)
	may := p.linkMay(ctx, c.ConnID, l)
	switch {
	case !slices.Contains(f.Actions, l.Action):
		s.Refusal = fmt.Sprintf("这条消息没有按钮 %s。 This message has no button %s.", clip(string(l.Action)), clip(string(l.Action)))
	case used >= 0:
		d := c.Presses[used]
		s.Refusal = fmt.Sprintf("链接已使用过。 This link was used already, at %s: %s", inZone(d.At, f.Timezone), d.Said)
	case may != "":
		s.Refusal = may
	case !is.Enabled(l.Action):
		s.Refusal, s.stale = p.useless(ctx, c, is, l.Action, l.actor().Name).Said, true
	}
	return s, nil
}

// linkMay says why those whom a link went to may not use it: each of them could be the one who does.
func (p *Presses) linkMay(ctx context.Context, connID string, l Link) string {
	least := roles.Operator
	if l.Action == face.Log {
		least = roles.Viewer
	}
	for _, userID := range l.People {
		switch is, err := p.o.Roles.Of(ctx, connID, userID); {
		case is >= least: // also with an error
		case err != nil:
			return "暂时无法确认权限。 Who may use this link cannot be known now: " + p.o.Masker.Mask(err.Error())
		default:
			return fmt.Sprintf("%s 无权操作。 The link went to user %s, who has the role %s and may not do this. It takes the role %s, which the setting chat_%ss gives.",
				userID, userID, is, least, least)
		}
	}
	return ""
}

// lastError is the last line of why the task instance of a card failed.
func (p *Presses) lastError(ctx context.Context, c *store.CardNow) (string, error) {
	if c.RunKey == 0 || c.TaskID == "" {
		return "", nil
	}
	is, err := p.o.Store.Instances(ctx, c.RunKey)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(is, func(in *store.Instance) bool { return in.TaskID == c.TaskID && in.MapIndex == c.MapIndex })
	if i < 0 {
		return "", nil
	}
	text := strings.TrimSpace(is[i].Error)
	return text[strings.LastIndexByte(text, '\n')+1:], nil
}

// Follow presses the button of a link, once. An error means that it may succeed later.
func (p *Presses) Follow(ctx context.Context, l Link) (Outcome, error) {
	s, err := p.See(ctx, l)
	switch {
	case err != nil:
		return Outcome{}, err
	case s.Refusal != "" && !s.stale: // what is stale may be so by this very link, of which a crash cut the note off
		return refuse(s.Refusal), nil
	}
	return p.Do(ctx, s.Card, l.Action, l.actor())
}

// inZone is a moment in a zone with an IANA name.
func inZone(t time.Time, name string) string {
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
}
