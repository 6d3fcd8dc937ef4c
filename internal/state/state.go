// Package state keeps what must outlive a process: small versioned files
// replaced atomically, and one mapped file that a killed process leaves behind.
package state
