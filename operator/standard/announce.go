package standard

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"unicode"
)

// announce writes to the log what Airflow's does before a command: what is run, in the
// form of Python's lists, secrets masked.
func (c command) announce(ctx context.Context, out *output) {
	words := append([]string(nil), c.args...)
	if path, err := exec.LookPath(words[0]); err == nil {
		words[0] = path
	}
	for i, word := range words {
		words[i] = quoted(out.mask.Mask(word))
	}
	out.log.InfoContext(ctx, "Running command: ["+strings.Join(words, ", ")+"]") //nolint:sloglint // Airflow's line
	out.log.InfoContext(ctx, "Output:")
}

// ended writes how it ended: Airflow's line, in which a signal is a negative number.
func (c command) ended(ctx context.Context, out *output, state string) {
	out.log.InfoContext(ctx, "Command exited with return code "+state) //nolint:sloglint // Airflow's line
}

// quoted is a text as Python's repr shows it.
func quoted(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
