package hook

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/hook/internal/split"
)

// parts is a message as it is sent: in one body, or in several when it is long.
type parts struct {
	bodies [][]byte
	// ends are where in the text the bodies end, in bytes.
	ends []int
	// arrived is how many parts are not among the bodies, because they arrived before, and skip
	// how many of the bodies are not to be sent.
	arrived, skip int
	warnings      []string
	// digest names the message when a record is kept of it.
	digest string
}

// count is how many parts the message has.
func (p *parts) count() int { return p.arrived + len(p.bodies) }

// prepare encodes a message for a robot that wants one of the keywords, if there are any.
func prepare(m *RobotMessage, keywords []string) (p parts, err error) {
	typ := m.messageType()
	if err := checkType(typ); err != nil {
		return parts{}, err
	}
	if isEmpty(m.Message) {
		return parts{}, fmt.Errorf("the %s message is empty; give it a content", typ)
	}
	text, hasText := readableText(typ, m.Message)
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	s := splitting{m: m, typ: typ, text: text, keywords: keywords}
	if m.Resume != "" || m.OnPart != nil {
		if p.digest, err = m.digest(); err != nil {
			return parts{}, err
		}
	}
	var end int
	p.arrived, end = s.resume(p.digest)
	switch {
	case p.arrived == 0:
		p.bodies, p.ends, err = s.encode(hasText)
	case end < len(text):
		p.bodies, p.ends, err = s.bodies(p.arrived, end)
	}
	if err != nil {
		return parts{}, err
	}
	if p.arrived == 0 {
		p.skip = m.SkipParts
	}
	if p.skip < 0 || p.skip > len(p.bodies) {
		return parts{}, fmt.Errorf("cannot skip %d parts of a message that has %d", p.skip, len(p.bodies))
	}
	p.warnings = warnings(m, typ)
	return p, nil
}

// splitting makes parts of a message.
type splitting struct {
	m        *RobotMessage
	typ      string
	text     string
	keywords []string
	// before does it as it was done when [Part.Resume] named the bodies that had arrived.
	before bool
}

// encode encodes the message as one body or, when that is too long for DingTalk and
// the type allows it, as several numbered ones.
func (s *splitting) encode(hasText bool) (bodies [][]byte, ends []int, err error) {
	m, content := s.m, s.m.Message
	at := atBlock(m, s.typ)
	if hasText && s.typ != TypeText {
		if missing := missingMentions(m, s.text); missing != "" {
			content = withText(s.typ, m.Message, s.text+missing, "")
		}
	}
	if content, err = withKeyword(s.typ, content, s.keywords); err != nil {
		return nil, nil, err
	}
	body, err := encode(s.typ, content, at, m.UUID)
	switch {
	case err != nil:
		return nil, nil, err
	case len(body) <= MaxBodyBytes:
		return [][]byte{body}, []int{len(s.text)}, nil
	case !hasText || s.typ == TypeActionCard || m.NoSplit:
		return nil, nil, tooLong(len(body), s.typ, m.NoSplit)
	}
	return s.bodies(0, 0)
}

func tooLong(size int, typ string, noSplit bool) error {
	why := "only text and markdown can be split, not " + typ
	if noSplit && (typ == TypeText || typ == TypeMarkdown) {
		why = "splitting is switched off"
	}
	return fmt.Errorf("the message is %d bytes as JSON and DingTalk accepts at most %d; shorten it (%s)", size, MaxBodyBytes, why)
}

// bodies encodes what the text has from a byte on as numbered parts, behind some that have
// arrived. People are mentioned in the first part only, so that they are notified once.
func (s *splitting) bodies(arrived, from int) (bodies [][]byte, ends []int, err error) {
	m := s.m
	markdown := s.typ == TypeMarkdown
	mentions := ""
	if markdown {
		mentions = missingMentions(m, "")
	}
	at := atBlock(m, s.typ)
	// The frame is the longest part without any text of the message.
	most := arrived + MaxParts
	frame, err := encode(s.typ, withText(s.typ, m.Message, partHeader(s.typ, most, most, first(s.keywords))+mentions, partTitle(most, most)),
		at, s.uuid(most, len(s.text)))
	if err != nil {
		return nil, nil, err
	}
	room := MaxBodyBytes - len(frame)
	if room < minPartBytes {
		return nil, nil, fmt.Errorf("the message without its text is %d bytes as JSON and DingTalk accepts at most %d; shorten the other fields",
			len(frame), MaxBodyBytes)
	}
	pieces := split.Cut(s.text, from, split.Options{Room: room, Markdown: markdown, Lines: s.before})
	if len(pieces) > MaxParts {
		return nil, nil, fmt.Errorf("the message would need %d parts and DingTalk accepts %d messages a minute; shorten it", len(pieces), MaxParts)
	}
	all := arrived + len(pieces)
	for i, piece := range pieces {
		n, partText, partAt := arrived+i+1, piece.String(), &wireAt{}
		if n == 1 {
			partAt = at
			if markdown {
				partText += missingMentions(m, partText)
			}
		}
		build := func(keyword string) any {
			return withText(s.typ, m.Message, partHeader(s.typ, n, all, keyword)+partText, partTitle(n, all))
		}
		content := build("")
		if lacksKeyword(s.typ, content, s.keywords) {
			content = build(s.keywords[0])
		}
		body, err := encode(s.typ, content, partAt, s.uuid(n, piece.End))
		if err != nil {
			return nil, nil, err
		}
		bodies, ends = append(bodies, body), append(ends, piece.End)
	}
	return bodies, ends, nil
}

func partTitle(part, parts int) string { return fmt.Sprintf(" (%d/%d)", part, parts) }

// partHeader begins a part, with a keyword if it needs one.
func partHeader(typ string, part, parts int, keyword string) string {
	if keyword != "" {
		keyword = " " + keyword
	}
	if typ == TypeMarkdown {
		return fmt.Sprintf("(%d/%d)%s\n\n", part, parts, keyword)
	}
	return fmt.Sprintf("(%d/%d)%s\n", part, parts, keyword)
}

// uuid is that of a part. It has where the part ends, so that DingTalk does not take a part that
// is cut otherwise now for one that it has.
func (s *splitting) uuid(part, end int) string {
	switch {
	case s.m.UUID == "":
		return ""
	case s.before:
		return fmt.Sprintf("%s-%d", s.m.UUID, part)
	}
	return fmt.Sprintf("%s-%d-%d", s.m.UUID, part, end)
}

// digest names the message: its type, its content and whom it notifies.
func (m *RobotMessage) digest() (string, error) {
	content, err := json.Marshal(m.Message)
	if err != nil {
		return "", fmt.Errorf("encode the %s message as JSON: %w", m.messageType(), err)
	}
	sum := sha256.New()
	sum.Write(fmt.Appendf(nil, "%s %q %q %t ", m.messageType(), m.AtMobiles, m.AtUserIDs, m.AtAll))
	sum.Write(content)
	return string(sum.Sum(nil)), nil
}

// resumeAfter is what goes on behind the n-th part, which ends at a byte of the text. It
// does not depend on how texts are cut.
func resumeAfter(n, end int, digest string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d:%x", n, end, digest))
	return fmt.Sprintf("%d:%d:%x", n, end, sum[:16])
}

// resume returns how many parts of the message have arrived, and where in the text the last
// of them ends.
func (s *splitting) resume(digest string) (arrived, end int) {
	if _, err := fmt.Sscanf(s.m.Resume, "%d:%d:", &arrived, &end); err == nil && arrived > 0 &&
		resumeAfter(arrived, end, digest) == s.m.Resume {
		return arrived, end
	}
	if _, err := fmt.Sscanf(s.m.Resume, "%d:", &arrived); err == nil && arrived > 0 {
		return s.resumeBefore(arrived)
	}
	return 0, 0
}

// resumeBefore is resume for a record that names the bodies that arrived.
func (s *splitting) resumeBefore(arrived int) (n, end int) {
	old := *s
	old.before = true
	bodies, ends, err := old.bodies(0, 0)
	if err != nil || arrived > len(bodies) {
		return 0, 0
	}
	sum := sha256.New()
	for _, body := range bodies[:arrived] {
		sum.Write(body)
		sum.Write([]byte{0})
	}
	if fmt.Sprintf("%d:%x", arrived, sum.Sum(nil)) != s.m.Resume {
		return 0, 0
	}
	return arrived, ends[arrived-1]
}

// took tells OnPart that one more of the bodies has arrived, which are n now.
func (m *RobotMessage) took(p *parts, n int) *Error {
	if m.OnPart == nil {
		return nil
	}
	resume := resumeAfter(p.arrived+n, p.ends[n-1], p.digest)
	if err := m.OnPart(Part{Sent: p.arrived + n, Parts: p.count(), Resume: resume}); err != nil {
		return &Error{Kind: KindUnavailable, Message: "the record of the parts that arrived could not be kept", Err: err}
	}
	return nil
}
