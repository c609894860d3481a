// Command nothing does nothing: it is what the start of every Go program costs.
package main

func main() {}
