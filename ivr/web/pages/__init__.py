"""The pages that people look at: one Python module and one template each, inside one frame."""
