package template

//go:generate go test . -count=1 -run ^TestJinjaPage$ -update
