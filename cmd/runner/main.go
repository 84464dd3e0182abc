// Command runner is the dingdag binary.
package main

import "github.com/dingdag/dingdag/cli"

func main() { cli.Main() }
