package cli

//go:generate go run ../cmd/runner operators docs ../docs/operators
//go:generate go test . -count=1 -run ^TestReadmeTable$ -update
