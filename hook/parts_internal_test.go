package hook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failures is a text with a table of n rows of words.
func failures(n, words int) string {
	var b strings.Builder
	b.WriteString("Report\n\n| task | error |\n|---|---|\n")
	for i := range n {
		fmt.Fprintf(&b, "| load_%03d | %s |\n", i, strings.Repeat("word ", words))
	}
	return b.String()
}

// What a part has beside its text never makes it too long: numbers of three digits, a keyword, a
// title, mentions, a key, and the lines that are repeated. Each part has the keyword.
func TestPartsFitWithAllTheyHave(t *testing.T) {
	t.Parallel()
	const keyword = `"告警" of the night`
	mobiles := []string{"13800000001", "13800000002", "13800000003"}
	for name, text := range map[string]string{
		"table":       failures(2000, 20),
		"fence":       "```" + strings.Repeat("i", 100) + "\n" + strings.Repeat(`{"row": "loaded"}`+"\n", 15000) + "```\n",
		"long lines":  strings.Repeat("数据", 60000),
		"control":     strings.Repeat("\x01", 60000),
		"has keyword": strings.Repeat(keyword+" and more of it\n", 6000),
	} {
		for typ, message := range map[string]any{TypeText: text, TypeMarkdown: map[string]any{"title": "a \"title\"", "text": text}} {
			m := RobotMessage{Type: typ, Message: message, AtMobiles: mobiles, UUID: "0123456789abcdef0123456789abcdef"}
			s := splitting{m: &m, typ: typ, text: text, keywords: []string{keyword, "other"}}
			for _, arrived := range []int{0, 979} {
				bodies, ends, err := s.bodies(arrived, 0)
				require.NoError(t, err, name)
				require.Greater(t, len(bodies), 9, name)
				assert.Equal(t, len(text), ends[len(ends)-1])
				for i, body := range bodies {
					require.LessOrEqual(t, len(body), MaxBodyBytes, "%s as %s", name, typ)
					var got map[string]any
					require.NoError(t, json.Unmarshal(body, &got))
					content := got[typ].(map[string]any)
					shown := content[map[string]string{TypeText: "content", TypeMarkdown: "text"}[typ]].(string)
					number := fmt.Sprintf("(%d/%d)", arrived+i+1, arrived+len(bodies))
					assert.True(t, strings.HasPrefix(shown, number), "%s: %.30q", name, shown)
					assert.Contains(t, shown, keyword, name)
					if typ == TypeMarkdown {
						assert.Equal(t, `a "title" `+number, content["title"])
					}
					assert.Equal(t, arrived+i == 0, strings.Contains(string(body), mobiles[0]), "people are notified once")
				}
			}
		}
	}
}

// A keyword in the repeated head of a table is one of the part.
func TestKeywordInARepeatedHead(t *testing.T) {
	t.Parallel()
	m := Markdown("t", strings.Replace(failures(60, 180), "error", "alert", 1))
	p, err := prepare(&m, []string{"alert"})
	require.NoError(t, err)
	require.Len(t, p.bodies, 3)
	for i, body := range p.bodies[1:] {
		assert.Contains(t, string(body), fmt.Sprintf(`"text":"(%d/3)\n\n| task | alert |\n|---|---|\n| load_`, i+2))
	}
}

// resumed prepares a message behind the parts that a record tells of.
func resumed(t *testing.T, m RobotMessage, resume string, keywords ...string) parts {
	t.Helper()
	m.Resume = resume
	p, err := prepare(&m, keywords)
	require.NoError(t, err)
	return p
}

// A record goes on behind the last byte that arrived, whatever has changed in how it is sent,
// and is worth nothing for another message.
func TestResume(t *testing.T) {
	t.Parallel()
	m := Markdown("t", failures(60, 180))
	m.OnPart = func(Part) error { return nil }
	whole, err := prepare(&m, nil)
	require.NoError(t, err)
	require.Len(t, whole.bodies, 3)
	for n := 1; n <= 3; n++ {
		resume := resumeAfter(n, whole.ends[n-1], whole.digest)
		p := resumed(t, m, resume)
		assert.Equal(t, n, p.arrived)
		assert.Equal(t, 3, p.count())
		assert.Equal(t, whole.bodies[n:], append([][]byte{}, p.bodies...), "what is left is what was to come")

		p = resumed(t, m, resume, "another keyword of the robot")
		assert.Equal(t, n, p.arrived, "the connection has changed")

		for what, change := range map[string]func(*RobotMessage){
			"title":  func(m *RobotMessage) { m.Message = map[string]any{"title": "u", "text": failures(60, 180)} },
			"text":   func(m *RobotMessage) { m.Message = map[string]any{"title": "t", "text": failures(61, 180)} },
			"people": func(m *RobotMessage) { m.AtMobiles = []string{"13800000001"} },
			"all":    func(m *RobotMessage) { m.AtAll = true },
			"type":   func(m *RobotMessage) { m.Type, m.Message = TypeText, failures(60, 180) },
		} {
			other := m
			change(&other)
			assert.Zero(t, resumed(t, other, resume).arrived, what)
		}
		for _, wrong := range []string{
			resumeAfter(n, whole.ends[n-1], "of another"), "0" + resume[1:], "-" + resume, resume + "0", "1", "1:2", "x:y:z",
		} {
			assert.Zero(t, resumed(t, m, wrong).arrived, wrong)
		}
	}
}

// A part that was cut otherwise, as by another version, is followed by the rest of the text:
// nothing is missing and nothing comes twice.
func TestResumeBehindAnotherCut(t *testing.T) {
	t.Parallel()
	text := failures(60, 180)
	m := Markdown("t", text)
	m.OnPart = func(Part) error { return nil }
	whole, err := prepare(&m, nil)
	require.NoError(t, err)
	row := strings.Index(text, "| load_003")
	p := resumed(t, m, resumeAfter(1, row, whole.digest))
	assert.Equal(t, 1, p.arrived)
	assert.Contains(t, string(p.bodies[0]), `"text":"(2/4)\n\n| task | error |\n|---|---|\n| load_003 |`)
	joined := string(bytes.Join(p.bodies, nil))
	for i := 3; i < 60; i++ {
		assert.Equal(t, 1, strings.Count(joined, fmt.Sprintf("| load_%03d |", i)))
	}
}

// A record of the version that named the bodies, and did not repeat the heads of tables, goes on
// where that one stopped.
func TestResumeOfAnOldRecord(t *testing.T) {
	t.Parallel()
	m := Markdown("t", failures(60, 180))
	m.UUID = "u"
	for n, resume := range []string{
		"1:e4e916778781c8a93f0b6abbb239daf0cd264e783dd40c48e97a3fdf5b4be876",
		"2:f2a31e8f0dad88d0ac7b39c9f921768a5d096e8bc6b6d6a25f1312b9b22a95f7",
	} {
		p := resumed(t, m, resume)
		assert.Equal(t, n+1, p.arrived)
		assert.Equal(t, 3, p.count())
		assert.Contains(t, string(p.bodies[0]), fmt.Sprintf(`(%d/3)\n\n| task | error |\n|---|---|\n| load_%03d |`, n+2, (n+1)*21))
		assert.Zero(t, resumed(t, Markdown("t", failures(59, 180)), resume).arrived)
	}
}
