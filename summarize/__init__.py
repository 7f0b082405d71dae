"""Summaries: a text autoencoder whose code is a short readable sentence."""
