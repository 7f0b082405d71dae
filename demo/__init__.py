"""The pages a person sees: everything about buttons, uploads and wording."""
