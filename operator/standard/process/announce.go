package process

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/yamlvalue"
)

// announce writes to the log what Airflow's does before a command: what is run, in the
// form of Python's lists, secrets masked.
func (c *command) announce(ctx context.Context, out *Output) {
	words := slices.Clone(c.args)
	words[0] = cmp.Or(c.path, words[0])
	for i, word := range words {
		words[i] = yamlvalue.PythonText(out.mask.Mask(word))
	}
	out.log.InfoContext(ctx, "Running command: ["+strings.Join(words, ", ")+"]") //nolint:sloglint // Airflow's line
	out.log.InfoContext(ctx, "Output:")
}

// ended writes how it ended: Airflow's line, in which a signal is a negative number.
func (c *command) ended(ctx context.Context, out *Output, state string) {
	out.log.InfoContext(ctx, "Command exited with return code "+state) //nolint:sloglint // Airflow's line
}
