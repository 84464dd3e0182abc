// Command otlp is dingdag with traces: it sends the spans of runs, tasks and requests to a collector of OpenTelemetry. It is a module of
// its own, because the exporters are larger than the rest of the program.
//
// The variables of the environment that OpenTelemetry defines say where to and how, such as OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_TRACES_EXPORTER and OTEL_TRACES_SAMPLER; see docs/traces.md.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/dingdag/dingdag/cli"
)

func main() {
	stop, err := start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: traces:", err)
		os.Exit(2)
	}
	cli.MainWith(cli.Extensions{AtExit: stop})
}
