package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// talkTab is what the query calls the view in which people write.
const talkTab = "chat"

// stranger is who writes from outside the organisation.
const stranger = core.Outsider + "Guest"

// talkView is a conversation as one person sees it.
type talkView struct {
	// As is a user id, or a nick after [core.Outsider].
	As     string
	People []personView
	Rooms  []roomView
	// Room is the selected one; nil when there is none.
	Room    *roomView
	Entries []talkEntry
	// Back is the query of this page.
	Back string
}

// personView is somebody whom the page can write as.
type personView struct{ ID, Name string }

// roomView is a conversation: a group, or that between a person and a bot.
type roomView struct {
	// Name is that of the group or bot, Bot that of the bot whom the text must mention; empty between two.
	Name, Bot string
	// Conversation is what apps know it by. Group is the same for groups, App the app key otherwise.
	Conversation, Group, App string
	Selected                 bool
	Count                    int
}

// talkEntry is a message of a bot, or what somebody wrote.
type talkEntry struct {
	Message *messageView
	Line    *core.Line
}

// readTalk reads the conversation that the query names: "room" is the openConversationId of a group or
// an app key, and "as" who looks.
func (p *Page) readTalk(q url.Values) *talkView {
	v := &talkView{As: q.Get("as")}
	for _, u := range p.core.People.Users {
		v.People = append(v.People, personView{u.UserID, p.core.People.NameOf(u.UserID)})
	}
	for _, c := range p.core.Groups.All() {
		if len(c.Bots) > 0 && !c.Disbanded {
			v.Rooms = append(v.Rooms, roomView{Name: c.Name, Bot: p.botName(c.Bots[0]), Conversation: c.OpenConversationID, Group: c.OpenConversationID})
		}
	}
	for _, a := range p.core.AppList() {
		v.Rooms = append(v.Rooms, roomView{Name: a.Name, App: a.AppKey})
	}
	at := slices.IndexFunc(v.Rooms, func(r roomView) bool { return r.Group+r.App == q.Get("room") })
	if at < 0 && len(v.Rooms) > 0 {
		at = 0
	}
	if at < 0 {
		return v
	}
	v.Room = &v.Rooms[at]
	v.Room.Selected = true
	if v.Room.Group != "" {
		members := p.core.Groups.ByConversation(v.Room.Group).Members
		v.People = slices.DeleteFunc(v.People, func(o personView) bool { return !slices.Contains(members, o.ID) })
	}
	v.People = append(v.People, personView{stranger, "Guest (outside)"})
	if !slices.ContainsFunc(v.People, func(o personView) bool { return o.ID == v.As }) {
		v.As = v.People[0].ID
	}
	for i := range v.Rooms {
		r := &v.Rooms[i]
		if r.App != "" {
			r.Conversation = core.OneToOne(p.core.App(r.App), strings.TrimPrefix(v.As, core.Outsider))
		}
		r.Count = len(p.core.FindMessages(core.Filter{Conversation: r.Conversation})) + len(p.core.Talk.Lines(r.Conversation))
	}
	v.Back = url.Values{"view": {talkTab}, "room": {v.Room.Group + v.Room.App}, "as": {v.As}}.Encode()
	v.Entries = p.conversation(v)
	return v
}

func (p *Page) botName(appKey string) string {
	if a := p.core.App(appKey); a != nil {
		return a.Name
	}
	return appKey
}

// conversation puts messages and lines into the order in which they came.
func (p *Page) conversation(v *talkView) []talkEntry {
	var out []talkEntry
	lines := p.core.Talk.Lines(v.Room.Conversation)
	until := func(before int) {
		for len(lines) > 0 && lines[0].After < before {
			out = append(out, talkEntry{Line: &lines[0]})
			lines = lines[1:]
		}
	}
	for _, m := range p.core.FindMessages(core.Filter{Conversation: v.Room.Conversation}) {
		until(m.ID)
		if m.Type == core.TypeCard {
			if seen, ok := p.core.Cards.Seen(m.Key, v.As); ok {
				m.Content = seen
			}
		}
		view := p.newMessageView(m, "")
		view.Presser = v
		out = append(out, talkEntry{Message: view})
	}
	until(p.core.LastMessage() + 1)
	return core.Last(out, core.MaxShown)
}

func (v *talkView) draw() markup.HTML {
	rooms := markup.Each(v.Rooms, func(r roomView) markup.HTML {
		return markup.Format(`
  <a href="?{}"{}>
    <span class="avatar" aria-hidden="true">{}</span>
    <span class="chat">
      <span class="chat-name">{}</span>
      <span class="preview">{}</span>
    </span>
    <span class="side">{}</span>
  </a>`, url.Values{"view": {talkTab}, "room": {r.Group + r.App}, "as": {v.As}}.Encode(), ifCurrent(r.Selected), initial(r.Name), r.Name,
			map[bool]string{true: "group", false: "one-to-one with the bot"}[r.Group != ""],
			markup.If(r.Count != 0, `<span class="count">{}</span>`, r.Count))
	})
	entries := markup.Each(v.Entries, func(e talkEntry) markup.HTML {
		if e.Message != nil {
			return e.Message.draw()
		}
		return v.drawLine(e.Line)
	})
	switch {
	case v.Room == nil:
		entries = markup.Format(`
  <p class="empty">There is no app whose bot could be written to.</p>`)
	case len(v.Entries) == 0:
		entries = markup.Format(`
  <p class="empty">Nobody has written here yet.</p>`)
	}
	return markup.Format(`
<nav aria-label="Conversations">{}
</nav>
<main aria-label="Conversation">{}
</main>`, rooms, entries)
}

func (v *talkView) drawLine(l *core.Line) markup.HTML {
	mine := l.UserID != "" && l.UserID == v.As || core.Outsider+l.Nick == v.As
	return markup.Format(`
<article id="s{}" class="said{}{}">
  <span class="avatar" aria-hidden="true">{}</span>
  <div class="message">
    <p class="from"><b>{}</b>{}{}{} <time datetime="{}">{}</time></p>
    <div class="bubble"><p class="text">{}</p></div>{}
  </div>
</article>
`, l.ID, markup.If(mine, ` mine`), markup.If(l.Recalled, ` recalled`), initial(l.Nick), l.Nick, markup.If(l.UserID == "", ` <span class="tag">outside</span>`),
		markup.If(l.Edited, ` · edited`), markup.If(l.Recalled, ` · recalled`),
		l.Time.Format(time.RFC3339), l.Time.Format(time.TimeOnly), l.Text, markup.With(l.Note, `
    <p class="notified">{}</p>`))
}

// drawWho chooses who looks and writes.
func (v *talkView) drawWho() markup.HTML {
	if v.Room == nil {
		return markup.HTML{}
	}
	return markup.Format(`
  <form method="get" action="./" id="who">
    <input type="hidden" name="view" value="chat"><input type="hidden" name="room" value="{}">
    <select name="as" aria-label="Write as">{}
    </select>
    <button>Write as</button>
  </form>`, v.Room.Group+v.Room.App, markup.Each(v.People, func(o personView) markup.HTML {
		return markup.Format(`
      <option value="{}"{}>{}</option>`, o.ID, markup.If(o.ID == v.As, ` selected`), o.Name)
	}))
}

// drawForms stands below the conversation, where drawing that anew takes no half-written text away.
func (v *talkView) drawForms() markup.HTML {
	if v.Room == nil {
		return markup.HTML{}
	}
	return markup.Format(`
<footer>
  <form method="post" action="sandbox/say" id="say" data-live>
    <input type="hidden" name="back" value="{}"><input type="hidden" name="from" value="{}">
    <input type="hidden" name="conversation" value="{}"><input type="hidden" name="app" value="{}">
    <input type="text" name="text" value="{}" aria-label="Message" placeholder="Message" required autocomplete="off">
    <button>Send</button>
  </form>
  <details>
    <summary>Event of the organisation</summary>
    <form method="post" action="sandbox/happen" id="happen" data-live>
      <input type="hidden" name="back" value="{}">
      <input type="text" name="type" value="user_add_org" aria-label="Event type" required>
      <input type="text" name="data" value="{}" aria-label="Data">
      <button>Tell all apps</button>
    </form>
  </details>
  <output role="alert"></output>
</footer>`, v.Back, v.As, v.Room.Group, v.Room.App, markup.With(v.Room.Bot, `@{} `), v.Back, `{"userId":["user001"]}`)
}

// drawButtons draws the buttons of a card. In the inbox nobody presses them.
func (v *messageView) drawButtons() markup.HTML {
	return markup.If(len(v.Content.Buttons) > 0, `
    <div class="buttons">{}
    </div>`, markup.Each(v.Content.Buttons, func(b core.Button) markup.HTML {
		switch {
		case b.URL != "":
			return markup.Format(`
      {}`, drawAnchor(b.Title, b.URL))
		case v.Presser == nil:
			return markup.Format(`
      <span>{}</span>`, b.Title)
		}
		style := ""
		if slices.Contains([]string{"primary", "danger"}, b.Style) {
			style = b.Style
		}
		return markup.Format(`
      <form method="post" action="sandbox/press" data-live>
        <input type="hidden" name="back" value="{}"><input type="hidden" name="from" value="{}">
        <input type="hidden" name="card" value="{}"><input type="hidden" name="action" value="{}"><input type="hidden" name="conversation" value="{}">
        <button class="press {}"{}>{}</button>
      </form>`, v.Presser.Back, v.Presser.As, v.Key, b.Action, v.Presser.Room.Group, style, markup.If(b.Disabled, ` disabled`), b.Title)
	}))
}
