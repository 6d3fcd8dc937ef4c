// Package rooms holds the test of the layout: who may import whom. CONTRIBUTING.md
// says why.
package rooms
