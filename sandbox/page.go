package sandbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/sandbox/internal/markdown"
)

//go:embed page
var pageFiles embed.FS

// contentSecurityPolicy lets the page use its own style and script and nothing
// else: no inline code, no frames, and no picture that a message points to.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// shownOnPage is how many messages and refusals the page draws at most.
const shownOnPage = 200

// routePage adds the inbox page. It panics when an embedded file is missing or
// broken, which is a mistake in the program.
func (s *Server) routePage() {
	style, script := readAsset("style.css"), readAsset("inbox.js")
	tmpl := template.Must(template.New("inbox.html").Funcs(template.FuncMap{"isWeb": isWeb}).ParseFS(pageFiles, "page/*.html"))
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		page := s.page(r.URL.Query())
		page.Style, page.Script = style.name, script.name
		var b bytes.Buffer
		if err := tmpl.Execute(&b, page); err != nil {
			http.Error(w, "draw the page: "+err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(b.Bytes()) // an error means that the client is gone
	})
	s.mux.Handle("POST /sandbox/clear", http.NewCrossOriginProtection().Handler(http.HandlerFunc(s.clearFromPage)))
	for _, a := range []asset{style, script} {
		s.mux.Handle("GET /sandbox/"+a.name, a)
	}
}

// clearFromPage is for the button, which works without script. The way back is
// relative, so that it holds under a path prefix, too.
func (s *Server) clearFromPage(w http.ResponseWriter, _ *http.Request) {
	s.Clear()
	w.Header().Set("Location", "../")
	w.WriteHeader(http.StatusSeeOther)
}

// asset is a static file under a name with its hash, which browsers may keep.
type asset struct {
	name    string
	content []byte
}

func readAsset(name string) asset {
	content, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic("sandbox: embedded file: " + err.Error())
	}
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	return asset{name: strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext, content: content}
}

// ServeHTTP serves the file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.content))
}

// pageView is what the template draws.
type pageView struct {
	Style, Script string
	// View is the name of what is shown; empty for the inbox, which the fields from
	// Filter on are for.
	View      string
	Tabs      []tabView
	Directory *directoryView
	Sheets    *sheetsView
	Notices   []noticeView

	Filter  Filter
	Types   []string
	Chats   []chatView
	Entries []entryView
	Faults  int
}

// chatView is a line in the list of chats.
type chatView struct {
	Robot    Robot
	Count    int
	Preview  string
	Time     time.Time
	Selected bool
}

// entryView is a message or a refused attempt, in the order of arrival.
type entryView struct {
	Message *messageView
	Refused *Attempt
}

type messageView struct {
	Message
	Blocks []markdown.Block  // markdown and actionCard
	Lines  []markdown.Inline // text
	// Missing are the mentions that DingTalk adds at the end of a text without them.
	Missing []string
	// Receivers are the names of people whom a bot wrote to.
	Receivers string
	// Fault is what kept the answer from the sender.
	Fault FaultKind
}

func (s *Server) page(q url.Values) pageView {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := pageView{View: q.Get("view")}
	switch v.View {
	case viewDirectory:
		v.Directory = s.directoryView(q)
	case viewSheets:
		v.Sheets = s.sheetsView(q)
	case viewNotices:
		v.Notices = s.noticeViews()
	default:
		v = s.inboxPage(q)
	}
	v.Tabs = tabs(v.View)
	return v
}

func (s *Server) inboxPage(q url.Values) pageView {
	f := Filter{Robot: q.Get("robot"), Type: q.Get("type"), Text: q.Get("text")}
	v := pageView{
		Filter: f,
		Types: []string{
			TypeText, TypeLink, TypeMarkdown, TypeActionCard, TypeFeedCard, TypeCard, TypeImage, TypeFile, TypeAudio, TypeVideo,
		},
		Faults: len(s.faults),
	}
	for _, r := range s.robots {
		v.Chats = append(v.Chats, s.chat(r.Robot, f.Robot == r.Name))
	}
	for _, a := range s.apps.list {
		v.Chats = append(v.Chats, s.chat(Robot{Name: a.Name, Group: a.Name}, f.Robot == a.Name))
	}
	shown := map[int]Message{}
	for _, m := range s.inbox.find(f) {
		shown[m.ID] = m
	}
	for _, a := range s.inbox.attempts {
		if m, ok := shown[a.MessageID]; ok {
			v.Entries = append(v.Entries, entryView{Message: s.newMessageView(m, a.Fault)})
		} else if a.Refused() && f.Type == "" && f.Text == "" && (f.Robot == "" || f.Robot == a.Sender()) {
			v.Entries = append(v.Entries, entryView{Refused: &a})
		}
	}
	v.Entries = last(v.Entries, shownOnPage)
	return v
}

// chat previews the last message as DingTalk's list of chats does: by its title.
func (s *Server) chat(r Robot, selected bool) chatView {
	c := chatView{Robot: r, Selected: selected}
	found := s.inbox.find(Filter{Robot: r.Name})
	c.Count = len(found)
	if c.Count == 0 {
		return c
	}
	m := found[c.Count-1]
	c.Time = m.Time
	switch m.Type {
	case TypeText:
		c.Preview = m.Content.Text
	case TypeImage, TypeAudio, TypeVideo:
		c.Preview = "[" + m.Type + "]"
	case TypeFeedCard:
		c.Preview = m.Content.Links[0].Title
	default:
		c.Preview = m.Content.Title
	}
	return c
}

func (s *Server) newMessageView(m Message, fault FaultKind) *messageView {
	v := &messageView{Message: m, Fault: fault}
	names := make([]string, len(m.To))
	for i, id := range m.To {
		names[i] = s.nameOf(id)
	}
	v.Receivers = strings.Join(names, ", ")
	switch m.Type {
	case TypeText:
		v.Lines = markdown.Plain(m.Content.Text, m.Mentions.Notified...)
		for _, id := range m.Mentions.Notified {
			if !markdown.Mentions(m.Content.Text, id) {
				v.Missing = append(v.Missing, id)
			}
		}
	case TypeMarkdown, TypeActionCard:
		v.Blocks = markdown.Parse(m.Content.Text, m.Mentions.Notified...)
	}
	return v
}

// RawIndented is the body for people to read.
func (v messageView) RawIndented() string {
	var b bytes.Buffer
	if err := json.Indent(&b, v.Raw, "", "  "); err != nil {
		return string(v.Raw)
	}
	return b.String()
}

// Initial is the letter in a robot's round picture.
func (v messageView) Initial() string { return initial(v.Robot) }

// Initial is the letter in a robot's round picture.
func (c chatView) Initial() string { return initial(c.Robot.Name) }

func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(name)
	return strings.ToUpper(string(r))
}

// isWeb tells whether the page may link to an address that a message brought.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
