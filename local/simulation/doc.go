// Package simulation proves how package local refreshes tokens: it holds tests only.
//
// A schedule is a small world made of a seed: machines with clocks, processes on them (each a real local.Layer) that share one
// store, a network that loses things, and an authorization server that rotates refresh tokens by the rules of one of the
// servers there are. Clients ask, processes die, machines sleep, clocks jump, disks are full. Nothing in it happens at
// the same time: the code under test runs inside a bubble of testing/synctest, stops before everything that others can see
// (turn_test.go), and the scheduler lets on one of those that wait, so that the same seed is the same schedule (world_test.go).
// What must hold whatever happens is in oracle_test.go, and that it would be noticed, in planted_test.go.
package simulation
