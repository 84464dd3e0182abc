package reference

//go:generate go test . -count=1 -run ^TestKeysPage$ -update
