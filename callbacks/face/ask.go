package face

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Ask is what a card asks people.
type Ask struct {
	// ID is the number with which people answer.
	ID int64 `json:"id"`
	// Options are those that have a button each; none when one press cannot answer.
	Options []string `json:"options,omitempty"`
	// Commands answer in the chat, an option each.
	Commands []Command `json:"commands,omitempty"`
}

// Command is what people type for an option, which is empty where they choose in the command.
type Command struct {
	Option string `json:"option,omitempty"`
	Text   string `json:"text"`
	// Also is the same in Chinese, empty for none.
	Also string `json:"also,omitempty"`
}

// The statuses of a card that asks.
const (
	// Asking waits for an answer.
	Asking   Status = "asking"
	Answered Status = "answered"
	// Defaulted went on with the defaults, Unanswered had none, when the time was over.
	Defaulted  Status = "defaulted"
	Unanswered Status = "unanswered"
	// Needless is an ask that needs no answer any more.
	Needless Status = "needless"
)

// MaxOptions is how many options can have a button each.
const MaxOptions = 10

// answers begins the id of a button that chooses an option; the place of the option follows.
const answers = "answer_"

// Actions are the buttons of the options.
func (a *Ask) Actions() (out []Action) {
	for i := range a.Options {
		out = append(out, Action(answers+strconv.Itoa(i)))
	}
	return out
}

// Chosen is the option that a button chooses.
func (f Face) Chosen(a Action) (option string, ok bool) {
	place, found := strings.CutPrefix(string(a), answers)
	i, err := strconv.Atoi(place)
	if !found || err != nil || f.Ask == nil || i < 0 || i >= len(f.Ask.Options) {
		return "", false
	}
	return f.Ask.Options[i], true
}

// Outcome is what became of what a card asks.
type Outcome struct {
	Chosen []string
	// By is who answered, At when.
	By string
	At time.Time
	// Note says why it needs no answer any more.
	Note string
}

// outcome is what became of it for the footer, empty while it is open.
func (f Face) outcome(n Now) string {
	o := n.Outcome
	if o == nil {
		return ""
	}
	text := strings.Join(o.Chosen, ", ")
	if o.By != "" {
		text += ": " + o.By
	}
	if o.Note != "" {
		text = o.Note
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", text, f.clock(o.At)))
}

// typed are the commands that answer, while there is something to answer.
func (f Face) typed(n Now) string {
	if f.Ask == nil || n.Status != Asking || len(f.Ask.Commands) == 0 {
		return ""
	}
	lines := []string{"或对机器人说 Or tell the bot:", ""}
	for _, c := range f.Ask.Commands {
		line := "- `" + strings.ReplaceAll(c.Text, "`", "'") + "`"
		if c.Also != "" {
			line += " `" + strings.ReplaceAll(c.Also, "`", "'") + "`"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// askButtons are those of the options.
func (f Face) askButtons(n Now) (out []button) {
	for _, a := range f.Actions {
		if option, ok := f.Chosen(a); ok {
			out = append(out, button{Text: option, Action: a, Disabled: n.Status != Asking})
		}
	}
	if len(out) > 0 {
		out[0].Style = "primary"
	}
	return out
}
